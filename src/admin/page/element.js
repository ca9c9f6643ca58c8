// Makes the elements of the page. Invariant: text is never parsed as markup.

/**
 * Makes an element. Strings among the children become text nodes.
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
 * Finds the element with this ID. Throws if there is none.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function part(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/** Characters shown of a text from others. */
const SHOWN_CHARS_MAX = 300;

/**
 * Escapes control characters and changes of writing direction in a text from others.
 * @param {unknown} text
 */
export function printable(text) {
  const whole = String(text);
  const cut = whole.length > SHOWN_CHARS_MAX ? `${whole.slice(0, SHOWN_CHARS_MAX)}…` : whole;
  return cut.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** Characters shown of an ID. */
const ID_CHARS = 16;

/**
 * Makes the element of an ID: its beginning, with the whole as its title.
 * @param {unknown} id
 */
export function shortId(id) {
  const text = printable(id);
  const made = element('div', 'foreign mono hint', text.length > ID_CHARS ? `${text.slice(0, ID_CHARS)}…` : text);
  made.title = text;
  return made;
}
