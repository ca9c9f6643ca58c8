// Refusals and limits that were hit, and the latest warnings and errors of the registry's log.
import { element, part, printable } from './element.js';
import { clock, duration, whole } from './format.js';
import { KeyedTable } from './keyed-table.js';
import { growth, span } from './samples.js';

const counts = new KeyedTable(
  [
    { label: 'Cause', className: 'cause', fill: (cell, { name }) => setText(cell, name) },
    { label: 'Effect', fill: (cell, { effect }) => setText(cell, effect) },
    { label: 'Lately', className: 'number', fill: (cell, { recent }) => setText(cell, recentText(recent)) },
    { label: 'Since the start', className: 'number', fill: (cell, { count }) => setText(cell, whole(count)) },
  ],
  ({ effect, name }) => `${effect} ${name}`,
);
part('refusals').append(counts.element);

/**
 * Shows a report, which is the latest sample. The counts above 0, the recent ones first.
 * @param {any} status
 */
export function showRefusals({ refusals, drops }) {
  const rows = [
    ...rowsOf(refusals, 'request refused', (status) => status.refusals),
    ...rowsOf(drops, 'connection closed by a limit', (status) => status.drops),
  ].sort((one, other) => other.recent - one.recent || other.count - one.count);
  counts.show(rows);
  counts.element.hidden = rows.length === 0;
  part('refusals-none').hidden = rows.length > 0;
}

/**
 * @param {Record<string, number>} totals
 * @param {string} effect
 * @param {(status: any) => Record<string, number>} of
 */
function rowsOf(totals, effect, of) {
  return Object.entries(totals).map(([name, count]) => {
    return { name, effect, count, recent: growth((status) => of(status)[name] ?? 0) };
  });
}

/** Lines shown until the reader asks for all. */
const LINES_SHOWN = 8;

/** The latest event. @type {{ lines: any[] }} */
let log = { lines: [] };
let allShown = false;
part('log-more').addEventListener('click', () => {
  allShown = true;
  showLog(log);
});

/** @param {{ lines: any[] }} latest as docs/reference/openapi.json describes the event `log` */
export function showLog(latest) {
  log = latest;
  const { lines } = latest;
  const shown = allShown ? lines : lines.slice(0, LINES_SHOWN);
  part('log').replaceChildren(...shown.map(lineOf));
  part('log-more').hidden = shown.length === lines.length;
  part('log-none').hidden = lines.length > 0;
}

/** @param {any} line */
function lineOf({ time, level, message, details }) {
  const at = element('time', '', clock(new Date(time)));
  at.setAttribute('datetime', printable(time));
  const text = element('span', 'foreign', printable(message));
  const item = element('li', '', at, element('span', 'level', printable(level)), text);
  if (details) item.append(element('span', 'foreign details mono', printable(details)));
  item.dataset.level = level;
  return item;
}

/** @param {number} count */
function recentText(count) {
  return `${whole(count)} in ${duration(span())}`;
}

/**
 * @param {HTMLElement} cell
 * @param {unknown} text
 */
function setText(cell, text) {
  cell.textContent = printable(text);
}
