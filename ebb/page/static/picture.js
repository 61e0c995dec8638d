/** The ways between the boxes, and the jobs that move on them. */

import { by } from './dom.js';

/** From a box to a box; pixels to the right where two ways would meet. */
const WAYS = [
  ['client', 'api'], ['api', 'queue'], ['queue', 'dead'], ['queue', 'tasks'], ['tasks', 'table'],
  ['queue', 'alarms'], ['alarms', 'scaling'], ['scaling', 'tasks', 24],
];
const SECONDS = 0.9;
/** Dots that move at a time: more would only hide each other. */
const MOST = 60;
const SVG = 'http://www.w3.org/2000/svg';
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const paths = new Map();

/** Draws each way from one box's side to the other's, along the longer distance between them. */
function draw() {
  const origin = by('picture').getBoundingClientRect();
  const parts = [];
  for (const [from, to, aside = 0] of WAYS) {
    const [a, b] = [by(from), by(to)].map(box => box.getBoundingClientRect());
    const beside = a.right <= b.left || b.right <= a.left;
    const above = a.bottom <= b.top || b.bottom <= a.top;
    const middle = rect => [rect.left + rect.width / 2 - origin.left, rect.top + rect.height / 2 - origin.top];
    let [[x1, y1], [x2, y2]] = [middle(a), middle(b)];
    let curve;
    if (above) {
      x1 += aside;
      x2 += aside;
      const down = a.bottom <= b.top ? 1 : -1;
      y1 += down * a.height / 2;
      y2 -= down * (b.height / 2 + 3);
      const bend = (y1 + y2) / 2;
      curve = `C ${x1} ${bend}, ${x2} ${bend}, ${x2} ${y2}`;
    } else if (beside) {
      const right = a.right <= b.left ? 1 : -1;
      x1 += right * a.width / 2;
      x2 -= right * (b.width / 2 + 3);
      y1 = y2 = Math.max(a.top, b.top) - origin.top + Math.min(a.height, b.height) / 2;
      curve = `L ${x2} ${y2}`;
    }
    const way = `M ${x1} ${y1} ${curve}`;
    paths.set(`${from} ${to}`, way);
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', way);
    parts.push(path, tip(x2, y2, above ? [0, Math.sign(y2 - y1)] : [Math.sign(x2 - x1), 0]));
  }
  by('ways').replaceChildren(...parts);
}

function tip(x, y, [dx, dy]) {
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('class', 'tip');
  const [left, right] = [-1, 1].map(side => `${x - 7 * dx + 5 * side * dy} ${y - 7 * dy + 5 * side * dx}`);
  path.setAttribute('d', `M ${x} ${y} L ${left} L ${right} Z`);
  return path;
}

/** Lets dots move on a way. A user who wants less motion sees the counts alone. */
export function move(from, to, number, kind = '') {
  if (calm.matches || document.hidden) return;
  const room = MOST - document.querySelectorAll('.dot').length;
  for (let each = 0; each < Math.min(number, room); each++) {
    const dot = document.createElement('span');
    dot.className = `dot ${kind}`;
    dot.style.offsetPath = `path('${paths.get(`${from} ${to}`)}')`;
    by('picture').append(dot);
    const moves = [{ offsetDistance: '0%', opacity: 0 }, { opacity: 1, offset: 0.05 }, { offsetDistance: '100%', opacity: 1 }];
    const timing = { duration: SECONDS * 1000, delay: each * 120, easing: 'ease-in-out', fill: 'backwards' };
    dot.animate(moves, timing).finished.then(() => dot.remove());
  }
}

new ResizeObserver(draw).observe(by('picture'));
