/** Looks at the stack each few seconds, while the tab is shown, and shows what it sees. */

import { get, post } from './calls.js';
import { by, count, duration, make, say } from './dom.js';
import { showJobs, noted } from './jobs.js';
import { showDead } from './letters.js';
import { move } from './picture.js';

let timer;
let looking = false;
let seconds = 2;
let before = null;

async function look() {
  clearTimeout(timer);
  if (looking || document.hidden) return;
  looking = true;
  try {
    show(await get('/api/state'));
    problem('');
  } catch (error) {
    problem(error.message);
  }
  looking = false;
  timer = setTimeout(look, seconds * 1000);
}

function problem(sentence) {
  by('problem').hidden = !sentence;
  say('problem', sentence);
  document.body.classList.toggle('stale', Boolean(sentence));
}

function show(state) {
  seconds = state.seconds;
  document.title = `${state.waiting + state.in_flight} · Ebb ${state.stack}`;
  say('stack', state.stack);
  say('place', state.place);
  say('moment', new Date(state.now * 1000).toLocaleTimeString());
  showCounts(state);
  showTasks(state);
  showAlarms(state.alarms);
  showJobs(state);
  showDead(state.dead);
  showLoad(state.load);
  say('cost', `This page asks the stack every ${seconds} seconds, and not while its tab is hidden. `
    + `In the last minute that was ${count(state.requests_a_minute, 'request')} to ${state.sandbox ? 'the sandbox' : 'AWS'}.`
    + (state.dollars == null ? '' : ` This month the stack has cost $${state.dollars.toFixed(2)} so far${state.sandbox ? ", at AWS's prices" : ''}.`));
  if (by('body').placeholder !== state.example) {
    if (by('body').value === by('body').placeholder) by('body').value = state.example;
    by('body').placeholder = state.example;
  }
  if (before) animate(before, state);
  before = state;
}

function showCounts(state) {
  say('waiting', String(state.waiting));
  const more = [`${state.in_flight} in flight`];
  if (state.delayed) more.push(`${state.delayed} delayed`);
  if (state.waiting && state.oldest != null) more.push(`oldest ${duration(state.oldest)}`);
  say('queue-says', `waiting, ${more.join(', ')}`);
  by('queue').classList.toggle('busy', state.waiting > 0);
  say('dead-count', String(state.dead));
  by('dead').classList.toggle('alarm', state.dead > 0);
  say('range', `${state.minimum} to ${state.maximum}`);
  const muted = state.muted.map(rule => `; the mute rule ${rule} can stop it`).join('');
  say('scaling-says', `tasks${state.paused ? '; paused: no task is started or removed' : ''}${muted}`);
  by('scaling').classList.toggle('alarm', state.paused || state.muted.length > 0);
  if (!state.jobs) {
    say('table-says', 'this stack has no job table');
    return;
  }
  const minute = state.jobs.filter(job => job.created > state.now - 60).length;
  say('submitted', minute === state.most_jobs ? `${minute}+` : String(minute));
  const ended = wanted => state.jobs.filter(job => wanted.includes(job.state)).length;
  say('ended', String(ended(['succeeded'])));
  const failed = ended(['failed', 'rejected']);
  say('table-says', `succeeded, ${failed} failed of the newest ${state.jobs.length}`);
}

function showTasks(state) {
  say('running', String(state.running));
  say('tasks-say', `running of ${state.desired} desired`);
  by('tasks').classList.toggle('busy', state.running > 0);
  const kinds = Array.from({ length: Math.min(20, Math.max(state.maximum, state.running)) }, (_, index) =>
    index < state.running ? 'running' : index < state.desired ? 'pending' : '');
  if (by('slots').dataset.kinds !== kinds.join()) {
    by('slots').dataset.kinds = kinds.join();
    by('slots').replaceChildren(...kinds.map(className => make('span', { className })));
  }
}

function showAlarms(alarms) {
  const order = ['ALARM', 'INSUFFICIENT_DATA', 'OK'];
  const words = { ALARM: 'ALARM', INSUFFICIENT_DATA: 'no data', OK: 'OK' };
  const listed = alarms.length <= 5 ? alarms : alarms.filter(alarm => alarm.state === 'ALARM');
  const lines = listed
    .toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
    .map(alarm => [alarm.state === 'ALARM' && alarm.scales ? 'acts' : alarm.state,
      `${alarm.name}: ${words[alarm.state]}${alarm.state === 'ALARM' && alarm.see ? `, see ${alarm.see}` : ''}`]);
  if (listed !== alarms) {
    for (const kind of order.slice(1)) {
      const number = alarms.filter(alarm => alarm.state === kind).length;
      if (number) lines.push([kind, `${number} ${words[kind]}`]);
    }
  }
  by('alarms').classList.toggle('alarm', alarms.some(alarm => alarm.state === 'ALARM' && !alarm.scales));
  if (by('alarm-list').textContent !== lines.map(([, text]) => text).join('')) {
    by('alarm-list').replaceChildren(...lines.map(([className, textContent]) => make('li', { className, textContent })));
  }
}

function showLoad(load) {
  by('load').hidden = !load;
  if (!load) return;
  by('rate').max = load.most;
  if (document.activeElement !== by('rate')) {
    by('rate').value = load.jobs_a_minute;
    say('rate-says', String(load.jobs_a_minute));
  }
  say('load-says', load.problem || (load.sent ? `${count(load.sent, 'job')} sent so far` : ''));
}

/** What has happened since the last look, as jobs that move. */
function animate(last, state) {
  const old = new Map((last.jobs ?? []).map(job => [job.id, job.state]));
  const moved = { sent: 0, started: 0, ended: 0 };
  if (state.jobs) {
    const final = ['succeeded', 'failed', 'rejected', 'cancelled'];
    for (const job of state.jobs) {
      const was = old.get(job.id);
      if (was === job.state) continue;
      moved.sent += was === undefined && job.created >= last.now - 10;
      moved.started += job.state === 'running' || (final.includes(job.state) && was !== 'running');
      moved.ended += final.includes(job.state);
    }
  } else {
    moved.sent = Math.max(0, state.waiting + state.in_flight - last.waiting - last.in_flight);
    moved.started = Math.max(0, state.in_flight - last.in_flight);
  }
  const stages = [['client', 'api', moved.sent], ['api', 'queue', moved.sent], ['queue', 'tasks', moved.started],
    ['tasks', 'table', moved.ended]];
  stages.filter(([, , number]) => number).forEach(([from, to, number], index) =>
    setTimeout(move, index * 500, from, to, number));
  move('queue', 'dead', state.dead - last.dead, 'bad');
  const ringing = alarms => alarms.filter(alarm => alarm.state === 'ALARM').length;
  move('queue', 'alarms', ringing(state.alarms) > ringing(last.alarms) ? 1 : 0);
  move('alarms', 'scaling', state.desired === last.desired ? 0 : 1);
  move('scaling', 'tasks', Math.abs(state.desired - last.desired));
}

by('send').addEventListener('submit', async event => {
  event.preventDefault();
  try {
    const { id } = await post('/api/jobs', { body: by('body').value, reference: by('reference').value.trim() });
    say('sent', `Sent: job ${id}`);
    noted();
    look();
  } catch (error) {
    say('sent', error.message);
  }
});
by('rate').addEventListener('input', () => say('rate-says', by('rate').value));
by('rate').addEventListener('change', async () => {
  try {
    showLoad(await post('/api/load', { jobs_a_minute: Number(by('rate').value), body: by('body').value }));
  } catch (error) {
    say('load-says', error.message);
  }
});
document.addEventListener('visibilitychange', () => {
  before = null; // what happened meanwhile does not move
  look();
});
window.addEventListener('hashchange', look);
look();
