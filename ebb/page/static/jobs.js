/** The jobs: the newest ones or those of a search, and the story of one. */

import { get } from './calls.js';
import { by, count, duration, make, say, time } from './dom.js';

const rows = new Map();
let searched = false;
let told = null;

/** Shows the newest jobs, and keeps a found one up to date. */
export function showJobs(state) {
  by('job-list').hidden = !state.jobs;
  if (!state.jobs) return;
  if (!searched) list(state.jobs, state.now);
  else for (const job of state.jobs) if (rows.has(job.id)) fill(rows.get(job.id), job, state.now);
  if (told && by('story').open) {
    const job = state.jobs.find(each => each.id === told.id);
    if (job && (job.state !== told.state || job.attempt !== told.attempt)) story(job.id);
  }
}

/** A job of this page's own form is in the list at the next look: end a search. */
export function noted() {
  end();
}

function list(jobs, now) {
  for (const job of jobs) {
    if (!rows.has(job.id)) rows.set(job.id, row(job.id));
    fill(rows.get(job.id), job, now);
  }
  const wanted = jobs.map(job => rows.get(job.id));
  const body = by('job-rows');
  if (wanted.length !== body.children.length || wanted.some((each, index) => each !== body.children[index])) {
    const focused = document.activeElement;
    body.replaceChildren(...wanted);
    if (body.contains(focused)) focused.focus({ preventScroll: true });
  }
  const ids = new Set(jobs.map(job => job.id));
  for (const id of rows.keys()) if (!ids.has(id)) rows.delete(id);
}

function row(id) {
  const button = make('button', { type: 'button', className: 'link', textContent: id.slice(0, 8), title: id });
  button.setAttribute('aria-label', `Story of job ${id}`);
  button.addEventListener('click', () => story(id));
  const made = make('tr', {}, make('td', {}, button, make('div', { className: 'quiet' })), make('td'), make('td'), make('td'));
  made.dataset.id = id;
  return made;
}

function fill(made, job, now) {
  const [name, state, created, took] = made.children;
  set(name.lastChild, job.reference ?? '');
  state.className = `state ${job.state}`;
  const word = job.attempt > 1 ? `${job.state}, attempt ${job.attempt}` : job.state;
  const moving = job.state === 'running' && job.progress != null;
  if (state.dataset.word !== word || moving !== Boolean(state.querySelector('progress'))) {
    state.dataset.word = word;
    state.replaceChildren(word);
    if (moving) {
      const bar = make('progress', { max: 1 });
      bar.setAttribute('aria-label', 'progress');
      state.append(bar);
    }
  }
  if (moving) state.querySelector('progress').value = job.progress;
  set(created, time(job.created));
  set(took, job.started ? duration((job.finished ?? now) - job.started) : '–');
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Opens a job's story, or shows it anew. */
export async function story(id) {
  let found;
  try {
    found = await get('/api/story', { id });
  } catch (error) {
    say('jobs-say', error.message);
    return;
  }
  told = found.job;
  say('story-title', `Job ${id}`);
  const facts = Object.entries(found.job).filter(([name, value]) => name !== 'id' && value != null);
  by('facts').replaceChildren(...facts.flatMap(([name, value]) =>
    [make('dt', { textContent: name }), make('dd', { textContent: fact(name, value) })]));
  by('steps').replaceChildren(...found.steps.map(step =>
    make('li', { textContent: `${time(step.time)} ${step.source}: ${step.sentence}` })));
  if (!by('story').open) by('story').showModal();
}

function fact(name, value) {
  if (['created', 'started', 'finished', 'at'].includes(name)) return new Date(value * 1000).toLocaleString();
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function end() {
  searched = false;
  by('newest').hidden = true;
  by('wanted').value = '';
  say('jobs-say', '');
}

by('search').addEventListener('submit', async event => {
  event.preventDefault();
  const search = by('wanted').value.trim();
  if (!search) return end();
  try {
    const { jobs } = await get('/api/jobs', { search });
    if (!jobs) {
      say('jobs-say', '');
      return await story(search);
    }
    searched = true;
    by('newest').hidden = false;
    list(jobs, Date.now() / 1000);
    say('jobs-say', jobs.length ? `${count(jobs.length, 'job')} found` : 'There is no job with this id or reference.');
    if (jobs.length === 1) await story(jobs[0].id);
  } catch (error) {
    say('jobs-say', error.message);
  }
});
by('newest').addEventListener('click', () => {
  end();
  by('wanted').focus();
});
