// The tiles: totals and rates.
import { element, part } from './element.js';
import { duration, size, whole } from './format.js';
import { growth, meanMilliseconds, rate, rates, SAMPLES_MAX, span } from './samples.js';

const SVG = 'http://www.w3.org/2000/svg';
const [LINE_WIDTH, LINE_HEIGHT] = [120, 28];
/** Stands for a number that is not known. */
const NONE = '–';

/** Readings of counters. @type {Record<string, import('./samples.js').Reading>} */
const READ = {
  sessions: ({ sessions }) => sessions.started,
  operations: ({ rsa }) => rsa.operations,
  rsaSeconds: ({ rsa }) => rsa.seconds,
  messages: ({ messages }) => messages,
  refusals: ({ refusals }) => total(refusals),
  drops: ({ drops }) => total(drops),
  commits: ({ store }) => store.commits.count,
  commitSeconds: ({ store }) => store.commits.seconds,
};

const tiles = {
  clusters: tile('clusters', 'Clusters'),
  seats: tile('seats', 'Seats taken'),
  open: tile('open', 'Sessions open'),
  sessions: tile('sessions', 'Sessions/s'),
  rsa: tile('rsa', 'RSA operations/s'),
  messages: tile('messages', 'Messages/s'),
  refused: tile('refused', 'Refused'),
  store: tile('store', 'Store'),
  commits: tile('commits', 'Time of a commit'),
};
const seats = element('div', '');
tiles.seats.extra.append(element('div', 'track', seats));
const lines = [
  { read: READ.sessions, polyline: line(tiles.sessions) },
  { read: READ.operations, polyline: line(tiles.rsa) },
  { read: READ.messages, polyline: line(tiles.messages) },
];

/**
 * Shows a report, which is the latest sample.
 * @param {any} status as docs/reference/openapi.json describes the event `status`
 */
export function showOverview({ uptimeSeconds, table, sessions, refusals, drops, store, waiting }) {
  showTable(table);
  fillIn(tiles.open, whole(sessions.open), `${whole(sessions.started)} in all, up ${duration(uptimeSeconds)}`);
  fillIn(tiles.sessions, rate(READ.sessions), `${whole(waiting.hellos)} Hellos waiting`);
  fillIn(tiles.rsa, rate(READ.operations), `${milliseconds(READ.operations, READ.rsaSeconds)} each`);
  fillIn(tiles.messages, rate(READ.messages), `${whole(waiting.messages)} waiting`);
  const refused = growth(READ.refusals) + growth(READ.drops);
  const inAll = `${whole(total(refusals))} in all, ${whole(total(drops))} closed by limits`;
  fillIn(tiles.refused, whole(refused), `in ${duration(span())}; ${inAll}`);
  const room = store.room === null ? '' : `, room for ${size(store.room)}`;
  fillIn(tiles.store, size(store.bytes), `${store.kind}${room}`);
  fillIn(tiles.commits, milliseconds(READ.commits, READ.commitSeconds), `${rate(READ.commits)} a second`);
  for (const { read, polyline } of lines) drawLine(polyline, rates(read));
}

/** @param {any} table null until it is loaded */
function showTable(table) {
  if (!table) {
    fillIn(tiles.clusters, NONE, 'the table is loading');
    fillIn(tiles.seats, NONE, '');
    return;
  }
  const { clusters, fullClusters, members } = table;
  fillIn(tiles.clusters, whole(clusters), `${whole(fullClusters)} full, ${whole(clusters - fullClusters)} not`);
  fillIn(tiles.seats, whole(members), `of ${whole(table.seats)}, ${whole(table.seats - members)} missing`);
  seats.style.width = `${table.seats === 0 ? 0 : (100 * members) / table.seats}%`;
  tiles.seats.box.dataset.fill = members === table.seats ? 'full' : 'filling';
}

/**
 * @param {import('./samples.js').Reading} count
 * @param {import('./samples.js').Reading} seconds
 */
function milliseconds(count, seconds) {
  const mean = meanMilliseconds(count, seconds);
  return mean === undefined ? NONE : `${mean < 100 ? mean.toFixed(2) : whole(Math.round(mean))} ms`;
}

/** @param {Record<string, number>} counts */
function total(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
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
 * @param {number[]} values
 */
function drawLine(polyline, values) {
  const highest = Math.max(1, ...values);
  const points = values.map((value, i) => {
    const x = LINE_WIDTH - ((values.length - 1 - i) * LINE_WIDTH) / (SAMPLES_MAX - 2);
    return `${x.toFixed(1)},${(LINE_HEIGHT - 1 - (value / highest) * (LINE_HEIGHT - 2)).toFixed(1)}`;
  });
  polyline.setAttribute('points', points.join(' '));
}
