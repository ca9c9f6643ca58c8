// Labels of a statement (L1). Free of Node, for the client of web pages too.
import { LABEL_KEY_CHARS_MAX, LABELS_BYTES_MAX } from '../limits.ts';
import { isName } from './name.ts';

/** True if the labels are well-formed; see parseLabels. */
export function isLabels(text: string): boolean {
  return parseLabels(text) !== undefined;
}

/**
 * Parses labels: at most LABELS_BYTES_MAX bytes of lines `key=value` joined by LF. Keys are names of at most
 * LABEL_KEY_CHARS_MAX characters, in ascending order, each once. Values have no control characters. Undefined if the
 * text is anything else. The empty text has no labels.
 */
export function parseLabels(text: string): Map<string, string> | undefined {
  const labels = new Map<string, string>();
  if (text === '') return labels;
  if (new TextEncoder().encode(text).length > LABELS_BYTES_MAX) return undefined;
  let last = '';
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    const [key, value] = [line.slice(0, Math.max(at, 0)), line.slice(at + 1)];
    // Names are ASCII, so the order of code units is that of bytes.
    if (!isName(key) || key.length > LABEL_KEY_CHARS_MAX || key <= last || /\p{Cc}/u.test(value)) return undefined;
    labels.set(key, value);
    last = key;
  }
  return labels;
}

/** Prints labels in the form that parseLabels reads, whatever their order. */
export function printLabels(labels: ReadonlyMap<string, string>): string {
  const lines = [...labels].sort(([one], [other]) => (one < other ? -1 : 1));
  return lines.map(([key, value]) => `${key}=${value}`).join('\n');
}
