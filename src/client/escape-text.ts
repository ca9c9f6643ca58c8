// Makes text from other parties safe to print. No control character, change of writing direction or line end reaches a
// terminal or a log.

/** Maximum of printed characters for one text. The registry's own texts are shorter than 50 (E4). */
const PRINTED_CHARS_MAX = 256;

/** Includes the backslash, so that escaped text is unambiguous. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\\]/gu;

/** Escapes unprintable characters as `\u{…}`. Cuts the text at 256 characters before escaping. */
export function escapeText(text: string): string {
  const cut = text.length > PRINTED_CHARS_MAX ? `${text.slice(0, PRINTED_CHARS_MAX)}…` : text;
  return cut.replace(UNPRINTABLE, (char) => (char === '\\' ? '\\\\' : `\\u{${char.codePointAt(0)!.toString(16)}}`));
}
