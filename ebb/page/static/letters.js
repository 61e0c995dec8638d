/** The dead letters: looked at when the user asks, and moved back after a confirmation. */

import { get, post } from './calls.js';
import { by, count, make, say, time } from './dom.js';

let dead = 0;
let asked = null;

/** The number of messages, from the last look at the stack. */
export function showDead(number) {
  dead = number;
  by('all').disabled = !number;
  if (!number && by('letter-list').childElementCount) list([]);
}

function list(messages) {
  by('letter-list').replaceChildren(...messages.map(message => {
    const box = make('input', { type: 'checkbox', id: `letter-${message.id}`, value: message.id });
    const name = make('label', { htmlFor: box.id, textContent: `Job ${message.job}` });
    const facts = [message.sent && `sent ${time(message.sent)}`, message.error].filter(Boolean).join('. ');
    return make('li', {}, box, name, make('div', { className: 'quiet', textContent: facts }),
      make('div', {}, make('pre', { textContent: message.body, tabIndex: 0 })));
  }));
  choose();
}

const chosen = () => [...by('letter-list').querySelectorAll(':checked')].map(box => box.value);

function choose() {
  by('chosen').disabled = !chosen().length;
}

async function look() {
  try {
    const { messages } = await get('/api/dead-letters');
    list(messages);
    say('letters-say', messages.length ? `${count(messages.length, 'message')} shown` : 'There are no dead letters.');
  } catch (error) {
    say('letters-say', error.message);
  }
}

/** Asks whether these messages, or all, are to be moved. */
function ask(ids) {
  asked = ids;
  const number = ids ? ids.length : dead;
  say('sure-says', `${count(number, 'message goes', 'messages go')} back to the queue, and the jobs run again.`);
  by('sure').showModal();
}

async function redrive(ids) {
  try {
    const { moved } = await post('/api/redrive', ids ? { ids } : { all: true });
    await look();
    say('letters-say', `${count(moved, 'message')} moved back to the queue`);
  } catch (error) {
    say('letters-say', error.message);
  }
}

by('sure-form').addEventListener('submit', event => {
  if (event.submitter.value === 'yes') redrive(asked);
});
by('look').addEventListener('click', look);
by('letter-list').addEventListener('change', choose);
by('chosen').addEventListener('click', () => ask(chosen()));
by('all').addEventListener('click', () => ask(null));
