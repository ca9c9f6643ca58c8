// How the page makes its elements: text is always text, never markup, and shows what it is made of.

/**
 * A new element. Children that are strings become text nodes.
 * @param {string} tag
 * @param {string} className
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/**
 * The element of the page with this ID.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function part(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/** Characters shown of one piece of text that others chose. */
const SHOWN_CHARS_MAX = 300;

/**
 * Text that others chose, with control characters and changes of writing direction shown as what they are.
 * @param {unknown} text
 */
export function printable(text) {
  const whole = String(text);
  const cut = whole.length > SHOWN_CHARS_MAX ? `${whole.slice(0, SHOWN_CHARS_MAX)}…` : whole;
  return cut.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}
