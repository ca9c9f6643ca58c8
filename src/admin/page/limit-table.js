// The limits: how much of each is in use, and what it turned away.
import { element, part, printable } from './element.js';
import { whole } from './format.js';
import { KeyedTable } from './keyed-table.js';

/** Interval of fetching them again. */
const AGAIN_MS = 5_000;
/** Used share from which a limit needs attention. */
const NEAR = 0.9;

export class LimitTable {
  #ask;
  #table = new KeyedTable(
    [
      { label: 'Limit', fill: (cell, { setting }) => cell.replaceChildren(printable(setting)) },
      { label: 'In use', fill: fillUse },
      { label: 'Turned away in 5 min', className: 'number', fill: (cell, { refused }) => setCount(cell, refused) },
      { label: 'Since the start', className: 'number', fill: (cell, { refusedTotal }) => setCount(cell, refusedTotal) },
    ],
    ({ setting }) => setting,
  );
  #askedAt = -AGAIN_MS;

  /** @param {(path: string) => Promise<any>} ask requests a path of the API */
  constructor(ask) {
    this.#ask = ask;
    this.#table.element.hidden = true;
    part('limits').append(this.#table.element);
  }

  /** Fetches the limits again if they are old. Call it about every second. */
  refresh() {
    if (performance.now() - this.#askedAt < AGAIN_MS) return;
    this.#askedAt = performance.now();
    this.#ask('/api/limits').then(
      ({ limits }) => this.#show(limits),
      () => {},
    );
  }

  /** @param {any} limits */
  #show(limits) {
    const known = Array.isArray(limits) ? limits : [];
    const rows = known.filter(({ use, refusedTotal }) => use !== null || refusedTotal > 0);
    this.#table.show(rows.sort((one, other) => other.refused - one.refused || other.refusedTotal - one.refusedTotal));
    this.#table.element.hidden = rows.length === 0;
  }
}

/**
 * @param {HTMLElement} cell
 * @param {any} limit
 */
function fillUse(cell, { use, value }) {
  if (use === null || typeof value !== 'number') {
    cell.replaceChildren(`limit ${printable(value)}`);
    return;
  }
  const share = value === 0 ? 1 : Math.min(1, use / value);
  const bar = element('div', '');
  bar.style.width = `${100 * share}%`;
  const box = element('div', 'use', element('div', 'track', bar), `${whole(Math.round(use))} of ${whole(value)}`);
  if (share >= NEAR) box.dataset.near = '';
  cell.replaceChildren(box);
}

/**
 * @param {HTMLElement} cell
 * @param {number} count
 */
function setCount(cell, count) {
  cell.textContent = whole(count);
}
