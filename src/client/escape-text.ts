// Text that others chose, made safe to print: no control character, no change of writing direction, no end of line gets
// to a terminal or a log.

/** Characters printed of one piece of text from others; a text of the registry's own is below 50 (E4). */
const PRINTED_CHARS_MAX = 256;

/** Backslashes too, so that what is printed means one text only. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\\]/gu;

/** The text with everything unprintable as `\u{…}`, cut at 256 characters (before escaping). */
export function escapeText(text: string): string {
  const cut = text.length > PRINTED_CHARS_MAX ? `${text.slice(0, PRINTED_CHARS_MAX)}…` : text;
  return cut.replace(UNPRINTABLE, (char) => (char === '\\' ? '\\\\' : `\\u{${char.codePointAt(0)!.toString(16)}}`));
}
