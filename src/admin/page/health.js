// The checks of readiness, each with the time it has had its result, and the servers of etcd.
import { element, part, printable } from './element.js';
import { clock, duration } from './format.js';

/**
 * Returns the failing checks as text; empty if all pass.
 * @param {any} status
 */
export function showHealth({ checks, store }) {
  const failing = checks.filter((/** @type {any} */ { passes }) => !passes);
  part('failing').replaceChildren(...failing.map(failure));
  const passing = checks.filter((/** @type {any} */ { passes }) => passes);
  part('checks').replaceChildren(
    ...passing.map((/** @type {any} */ { check }) => chip('ok', check, '✓', 'passes')),
    ...store.servers.map((/** @type {any} */ { endPoint, up }) =>
      chip(up ? 'ok' : 'failing', `etcd ${endPoint}`, up ? 'up' : 'down'),
    ),
  );
  return failing.map((/** @type {any} */ { check }) => check).join(', ');
}

/** @param {any} check */
function failure({ check, seconds }) {
  const since = clock(new Date(Date.now() - seconds * 1_000));
  return element('li', '', element('strong', '', printable(check)), ` fails for ${duration(seconds)}, since ${since}`);
}

/**
 * @param {'ok' | 'failing'} state
 * @param {string} name
 * @param {string} result
 * @param {string} [spoken] what screen readers say instead
 */
function chip(state, name, result, spoken) {
  const shown = element('span', 'result', result);
  const item = element('li', '', `${printable(name)} `, shown);
  if (spoken) {
    shown.setAttribute('aria-hidden', 'true');
    item.append(element('span', 'spoken', spoken));
  }
  item.dataset.state = state;
  return item;
}
