// A table whose rows are made once and updated in place, so that a reader loses neither the focus nor the place.
import { element } from './element.js';

/**
 * @typedef {object} Column
 * @property {string} label its heading, and the label of its cells on a phone
 * @property {string} [className]
 * @property {(cell: HTMLElement, row: any) => void} fill shows a row in its cell, again at each update
 * @property {(row: any) => boolean} [has] the column is shown only if this is true of a row
 */

export class KeyedTable {
  /** Scrolls by itself if the table is wider. */
  element;
  #columns;
  #keyOf;
  #head = element('tr', '');
  #body = element('tbody', '');
  /** @type {Column[]} */
  #shown = [];
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map();

  /**
   * @param {Column[]} columns
   * @param {(row: any) => string} keyOf
   */
  constructor(columns, keyOf) {
    this.#columns = columns;
    this.#keyOf = keyOf;
    this.element = element('table', 'stacks', element('thead', '', this.#head), this.#body);
  }

  /**
   * Shows exactly these rows, in this order.
   * @param {any[]} rows
   */
  show(rows) {
    this.#arrangeColumns(rows);
    const wanted = new Set(rows.map(this.#keyOf));
    for (const [key, row] of this.#rows) if (!wanted.has(key)) this.#remove(key, row);
    let place = this.#body.firstElementChild;
    for (const shown of rows) {
      const row = this.#rows.get(this.#keyOf(shown)) ?? this.#newRow(this.#keyOf(shown));
      this.#shown.forEach((column, at) => {
        column.fill(/** @type {HTMLElement} */ (row.children[at]), shown);
      });
      if (row === place) place = place.nextElementSibling;
      else this.#body.insertBefore(row, place);
    }
  }

  /** @param {any[]} rows */
  #arrangeColumns(rows) {
    const shown = this.#columns.filter(({ has }) => !has || rows.some(has));
    if (shown.length === this.#shown.length && shown.every((column, at) => column === this.#shown[at])) return;
    this.#shown = shown;
    this.#rows.clear();
    this.#body.replaceChildren();
    this.#head.replaceChildren(...shown.map(heading));
  }

  /** @param {string} key */
  #newRow(key) {
    const row = element('tr', '', ...this.#shown.map(cellOf));
    this.#rows.set(key, row);
    return row;
  }

  /**
   * @param {string} key
   * @param {HTMLElement} row
   */
  #remove(key, row) {
    row.remove();
    this.#rows.delete(key);
  }
}

/** @param {Column} column */
function heading({ label, className = '' }) {
  const cell = element('th', className, label);
  cell.setAttribute('scope', 'col');
  return cell;
}

/** @param {Column} column */
function cellOf({ label, className = '' }) {
  const cell = element('td', className);
  cell.dataset.label = label;
  return cell;
}
