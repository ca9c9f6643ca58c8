// Numbers, times and sizes as the page writes them.

const UNITS = /** @type {const} */ ([
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
]);

/** @param {number} count */
export function whole(count) {
  return count.toLocaleString('en');
}

/**
 * A duration in its largest whole unit.
 * @param {number} seconds
 */
export function duration(seconds) {
  for (const [length, unit] of UNITS) if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  return `${Math.floor(seconds)} s`;
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, bytes < 1_000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** power;
  return `${power > 0 && value < 100 ? value.toFixed(1) : whole(Math.round(value))} ${units[power]}`;
}

/**
 * The reader's local time, with the date if it is another day.
 * @param {Date} time
 */
export function clock(time) {
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? time.toLocaleTimeString('en-GB') : time.toLocaleString('en-GB');
}
