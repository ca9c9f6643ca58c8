// The tiles: totals, and rates, which are differences of the registry's counters between reports.
import { element, part } from './element.js';

/** Reports kept: one minute. */
const SAMPLES_MAX = 61;
/** Rates are averaged over this many reports, so that they stay readable. */
const SHOWN_OVER = 5;

const SVG = 'http://www.w3.org/2000/svg';
const [LINE_WIDTH, LINE_HEIGHT] = [120, 28];

/** @typedef {{ at: number, sessions: number, operations: number, seconds: number, messages: number }} Sample */

/** @type {Sample[]} */
let samples = [];

const tiles = {
  clusters: tile('clusters', 'Clusters'),
  seats: tile('seats', 'Seats taken'),
  open: tile('open', 'Sessions open'),
  sessions: tile('sessions', 'Sessions/s'),
  rsa: tile('rsa', 'RSA operations/s'),
  messages: tile('messages', 'Messages/s'),
};
const seats = element('div', '');
tiles.seats.extra.append(element('div', 'track', seats));
const lines = { sessions: line(tiles.sessions), operations: line(tiles.rsa), messages: line(tiles.messages) };

/**
 * Shows a report.
 * @param {any} status as docs/reference/openapi.json describes the event `status`
 */
export function showOverview({ uptimeSeconds, table, sessions, messages, rsa, waiting }) {
  const { clusters, fullClusters, members } = table;
  fillIn(tiles.clusters, whole(clusters), `${whole(fullClusters)} full, ${whole(clusters - fullClusters)} not`);
  fillIn(tiles.seats, whole(members), `of ${whole(table.seats)}, ${whole(table.seats - members)} missing`);
  seats.style.width = `${table.seats === 0 ? 0 : (100 * members) / table.seats}%`;
  tiles.seats.box.dataset.fill = members === table.seats ? 'full' : 'filling';
  fillIn(tiles.open, whole(sessions.open), `${whole(sessions.started)} in all, up ${duration(uptimeSeconds)}`);

  const sample = {
    at: uptimeSeconds,
    sessions: sessions.started,
    operations: rsa.operations,
    seconds: rsa.seconds,
    messages,
  };
  // A new process counts from zero.
  if (samples.length > 0 && sample.at <= samples[samples.length - 1].at) samples = [];
  samples = [...samples, sample].slice(-SAMPLES_MAX);
  const before = samples[Math.max(0, samples.length - 1 - SHOWN_OVER)];
  const operations = sample.operations - before.operations;
  const milliseconds = operations === 0 ? '–' : (((sample.seconds - before.seconds) / operations) * 1000).toFixed(2);
  fillIn(tiles.sessions, rate(before, sample, 'sessions'), `${whole(waiting.hellos)} Hellos waiting`);
  fillIn(tiles.rsa, rate(before, sample, 'operations'), `${milliseconds} ms each`);
  fillIn(tiles.messages, rate(before, sample, 'messages'), `${whole(waiting.messages)} waiting`);
  for (const key of /** @type {const} */ (['sessions', 'operations', 'messages'])) drawLine(lines[key], key);
}

/**
 * @param {string} name
 * @param {string} title
 */
function tile(name, title) {
  const [value, note, extra] = [element('output', ''), element('p', ''), element('div', '')];
  const box = part(`tile-${name}`);
  box.replaceChildren(element('h3', '', title), value, note, extra);
  return { box, value, note, extra };
}

/**
 * @param {{ value: HTMLElement, note: HTMLElement }} tile
 * @param {string} value
 * @param {string} note
 */
function fillIn(tile, value, note) {
  tile.value.textContent = value;
  tile.note.textContent = note;
}

/** @param {{ extra: HTMLElement }} tile */
function line({ extra }) {
  const [svg, polyline] = [document.createElementNS(SVG, 'svg'), document.createElementNS(SVG, 'polyline')];
  svg.setAttribute('viewBox', `0 0 ${LINE_WIDTH} ${LINE_HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(polyline);
  extra.append(svg);
  return polyline;
}

/**
 * Draws the last minute: newest at the right, scaled from 0 to the highest rate.
 * @param {SVGPolylineElement} polyline
 * @param {'sessions' | 'operations' | 'messages'} key
 */
function drawLine(polyline, key) {
  const rates = samples.slice(1).map((sample, i) => perSecond(samples[i], sample, key));
  const highest = Math.max(1, ...rates);
  const points = rates.map((value, i) => {
    const x = LINE_WIDTH - ((rates.length - 1 - i) * LINE_WIDTH) / (SAMPLES_MAX - 2);
    return `${x.toFixed(1)},${(LINE_HEIGHT - 1 - (value / highest) * (LINE_HEIGHT - 2)).toFixed(1)}`;
  });
  polyline.setAttribute('points', points.join(' '));
}

/**
 * @param {Sample} from
 * @param {Sample} to
 * @param {'sessions' | 'operations' | 'messages'} key
 */
function perSecond(from, to, key) {
  return to.at === from.at ? 0 : (to[key] - from[key]) / (to.at - from.at);
}

/**
 * @param {Sample} from
 * @param {Sample} to
 * @param {'sessions' | 'operations' | 'messages'} key
 */
function rate(from, to, key) {
  if (from === to) return '–';
  const value = perSecond(from, to, key);
  return value < 10 ? value.toFixed(1) : whole(Math.round(value));
}

/** @param {number} count */
function whole(count) {
  return count.toLocaleString('en');
}

/** @param {number} seconds */
function duration(seconds) {
  const units = /** @type {const} */ ([
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ]);
  for (const [length, unit] of units) if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  return `${Math.floor(seconds)} s`;
}
