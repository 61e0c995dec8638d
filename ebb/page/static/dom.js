/** The few ways in which this page changes itself: text is always text, never HTML. */

export const by = id => document.getElementById(id);

/** Sets an element's text, if it changes: a screen reader then hears what is new. */
export function say(id, text) {
  const element = by(id);
  if (element.textContent !== text) element.textContent = text;
}

/** An element with properties and children; a child that is text stays text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export const time = seconds => (seconds ? new Date(seconds * 1000).toLocaleTimeString() : '–');

export function duration(seconds) {
  if (seconds == null) return '–';
  if (seconds < 100) return `${Math.max(0, seconds).toFixed(seconds < 10 ? 1 : 0)} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;
