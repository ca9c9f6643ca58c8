// A line of the audit log: JSON whose last field is the hash of the line and of all lines before it.
//
//   hash(n) = HMAC-SHA256(key, hash(n - 1) line(n) without its hash)     in lower-case hex; hash(0) is all zeros
//
// The first line of each file repeats the hash before it as object.prev, so that the chain can be checked from any file
// on, after older ones were deleted.
import { createHmac, type KeyObject } from 'node:crypto';
import type { AuditEvent } from './audit-event.ts';
import { AUDIT_TEXT_CHARS_MAX } from './limits.ts';

/** The hash before the first line of a log. */
export const FIRST_HASH = '0'.repeat(64);

/** Action of the first line of each file. */
export const FILE_BEGUN = 'file-begun';

/** End of the chain: the number of its last line, and that line's hash. */
export interface ChainEnd {
  readonly sequence: number;
  readonly hash: string;
}

const SEALED = /^(\{"seq":(\d{1,15}),.*),"hash":"([0-9a-f]{64})"\}$/s;
const NOT_PRINTABLE = /[^\x20-\x7e]/g;

/** Returns the line with its line feed, and its hash. Text from others is in ASCII, safe to print on a terminal. */
export function sealLine(
  key: KeyObject,
  before: ChainEnd,
  { actor, action, object, outcome }: AuditEvent,
  time: number,
): ChainEnd & { readonly line: string } {
  const sequence = before.sequence + 1;
  const entry = { seq: sequence, time: new Date(time).toISOString(), actor, action, object, outcome };
  const json = JSON.stringify(entry, (_, value) => (typeof value === 'string' ? cut(value) : value));
  const body = json.slice(0, -1).replace(NOT_PRINTABLE, escapeUnit);
  const hash = hashOf(key, before.hash, body);
  return { sequence, hash, line: `${body},"hash":"${hash}"}\n` };
}

/** A line of a file, taken apart. */
interface ReadLine extends ChainEnd {
  readonly body: string;
}

/** Undefined if the text is no line of an audit log. It may still have a wrong hash. */
export function readLine(text: string): ReadLine | undefined {
  const match = SEALED.exec(text);
  return match ? { body: match[1]!, sequence: Number(match[2]), hash: match[3]! } : undefined;
}

/** The hash of a line's body behind the line with the hash `before`. */
export function hashOf(key: KeyObject, before: string, body: string): string {
  return createHmac('sha256', key).update(before).update(body).digest('hex');
}

function cut(text: string): string {
  return text.length <= AUDIT_TEXT_CHARS_MAX ? text : `${text.slice(0, AUDIT_TEXT_CHARS_MAX)}…`;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
