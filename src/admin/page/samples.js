// The reports of the last minute, for rates: differences of the registry's counters between reports.
import { whole } from './format.js';

/** Reports kept: one minute. */
export const SAMPLES_MAX = 61;
/** Rates are averaged over this many reports, so that they stay readable. */
const SHOWN_OVER = 5;

/** @typedef {(status: any) => number} Reading reads a counter of a report */

/** Oldest first. @type {any[]} */
let samples = [];

/** @param {any} status as docs/reference/openapi.json describes the event `status` */
export function addSample(status) {
  // A new process counts from zero.
  if (samples.length > 0 && status.uptimeSeconds <= latest().uptimeSeconds) samples = [];
  samples = [...samples, status].slice(-SAMPLES_MAX);
}

export function clearSamples() {
  samples = [];
}

function latest() {
  return samples[samples.length - 1];
}

/** Seconds that the samples cover. */
export function span() {
  return samples.length === 0 ? 0 : latest().uptimeSeconds - samples[0].uptimeSeconds;
}

/**
 * Growth of a counter during `span()`.
 * @param {Reading} read
 */
export function growth(read) {
  return samples.length === 0 ? 0 : read(latest()) - read(samples[0]);
}

/**
 * The mean of the observations of the last seconds, in milliseconds; undefined without one in `span()`.
 * @param {Reading} count
 * @param {Reading} seconds
 */
export function meanMilliseconds(count, seconds) {
  const recent = samples[Math.max(0, samples.length - 1 - SHOWN_OVER)];
  const from = [recent, samples[0]].find((sample) => sample && count(latest()) > count(sample));
  return from && ((seconds(latest()) - seconds(from)) / (count(latest()) - count(from))) * 1_000;
}

/**
 * The present rate as text.
 * @param {Reading} read
 */
export function rate(read) {
  const from = samples[Math.max(0, samples.length - 1 - SHOWN_OVER)];
  if (samples.length < 2) return '–';
  const value = perSecond(from, latest(), read);
  return value < 10 ? value.toFixed(1) : whole(Math.round(value));
}

/**
 * The rate between each two reports, oldest first.
 * @param {Reading} read
 */
export function rates(read) {
  return samples.slice(1).map((sample, i) => perSecond(samples[i], sample, read));
}

/**
 * @param {any} from
 * @param {any} to
 * @param {Reading} read
 */
function perSecond(from, to, read) {
  return (read(to) - read(from)) / (to.uptimeSeconds - from.uptimeSeconds);
}
