// The members of an open cluster: end points, last use, and a button that evicts.
import { may } from './caller.js';
import { confirm } from './confirmation.js';
import { element, printable, shortId } from './element.js';
import { duration } from './format.js';
import { KeyedTable } from './keyed-table.js';

/**
 * @param {any} cluster
 * @param {(path: string, method: string) => Promise<any>} ask
 * @param {() => void} evicted called when a member was evicted
 */
export function memberTable(cluster, ask, evicted) {
  return new KeyedTable(
    [
      { label: '#', className: 'index', fill: (cell, { index }) => cell.replaceChildren(String(index)) },
      { label: 'Member', fill: fillName },
      { label: 'End points', fill: fillEndPoints },
      { label: 'Dialect', has: ({ dialect }) => dialect !== undefined, fill: fillDialect },
      { label: 'Last use', fill: fillLastUse },
      { label: 'Actions', className: 'actions', has: () => may('evict'), fill: fillActions },
    ],
    ({ clientId }) => clientId,
  );

  /**
   * @param {HTMLElement} cell
   * @param {any} member
   */
  function fillActions(cell, { name, clientId }) {
    // The key of a row is the member's ID, so its button stays the right one.
    if (cell.childElementCount > 0) return;
    const button = element('button', 'danger', 'Evict…');
    button.setAttribute('type', 'button');
    button.setAttribute('aria-label', `Evict ${printable(name)}…`);
    button.addEventListener('click', async () => {
      const path = `/api/clusters/id:${encodeURIComponent(cluster.id)}/members/id:${encodeURIComponent(clientId)}`;
      const done = await confirm({
        title: 'Evict this member?',
        object: `${name} of ${cluster.name}`,
        consequence: 'Its seat becomes free for another member. It may join again.',
        label: 'Evict the member',
        perform: () => ask(path, 'DELETE'),
      });
      if (done) evicted();
    });
    cell.append(button);
  }
}

/**
 * @param {HTMLElement} cell
 * @param {any} member
 */
function fillName(cell, { name, clientId, twin }) {
  cell.replaceChildren(
    element('div', 'foreign', printable(name)),
    shortId(clientId),
    ...(twin ? [element('div', 'problem', 'in use in two places')] : []),
  );
}

/**
 * @param {HTMLElement} cell
 * @param {any} member
 */
function fillEndPoints(cell, { endPoints }) {
  cell.replaceChildren(
    ...endPoints.map((/** @type {unknown} */ endPoint) => element('div', 'foreign mono', printable(endPoint))),
  );
}

/**
 * @param {HTMLElement} cell
 * @param {any} member
 */
function fillDialect(cell, { dialect = '' }) {
  cell.textContent = printable(dialect);
}

/**
 * @param {HTMLElement} cell
 * @param {any} member
 */
function fillLastUse(cell, { connected, idleMs }) {
  if (connected) cell.textContent = 'connected now';
  else cell.textContent = idleMs === undefined ? 'none since the start' : `${duration(idleMs / 1_000)} ago`;
}
