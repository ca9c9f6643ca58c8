// Dims the numbers when the registry stops reporting, and says how old they are.
import { part } from './element.js';
import { duration } from './format.js';

/** Reports come every second. Numbers older than this are dimmed; with CHECK_MS it stays below 3 s. */
const STALE_MS = 2_000;
const CHECK_MS = 200;

/** Time of the last report; undefined if there are no numbers. @type {number | undefined} */
let reportedAt;
/** Called once each time the numbers become old. */
let onStale = () => {};

/** @param {() => void} stale called when the numbers become old */
export function watchFreshness(stale) {
  onStale = stale;
  setInterval(check, CHECK_MS);
}

/** Records a report. */
export function reported() {
  reportedAt = performance.now();
  check();
}

/** Forgets the last report: there are no numbers. */
export function forgetReport() {
  reportedAt = undefined;
  check();
}

function check() {
  const live = part('live');
  const age = reportedAt === undefined ? 0 : performance.now() - reportedAt;
  const isStale = age > STALE_MS;
  part('stale').hidden = !isStale;
  if (isStale) part('stale-age').textContent = duration(age / 1_000);
  if (isStale === 'stale' in live.dataset) return;
  if (!isStale) {
    delete live.dataset.stale;
    return;
  }
  live.dataset.stale = '';
  onStale();
}
