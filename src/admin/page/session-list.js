// The open sessions, fetched while their section is open.
import { element, part, printable, shortId } from './element.js';
import { duration, whole } from './format.js';
import { KeyedTable } from './keyed-table.js';

/** Interval of fetching them again. */
const AGAIN_MS = 5_000;
const PAGE = 100;

const box = /** @type {HTMLDetailsElement} */ (part('sessions'));
const more = part('sessions-more');

export class SessionList {
  #ask;
  #table = new KeyedTable(
    [
      { label: 'No.', className: 'number', fill: (cell, { connection }) => setText(cell, connection) },
      { label: 'Client', fill: fillClient },
      { label: 'Address', fill: (cell, { address }) => setText(cell, address ?? '') },
      { label: 'Transport', fill: (cell, { transport }) => setText(cell, transport) },
      { label: 'Dialect', has: hasDialect, fill: (cell, { dialect }) => setText(cell, dialect ?? '') },
      { label: 'Messages', className: 'number', fill: (cell, { messages }) => setText(cell, whole(messages)) },
      { label: 'Age', className: 'number', fill: (cell, { ageMs }) => setText(cell, duration(ageMs / 1_000)) },
    ],
    ({ connection }) => String(connection),
  );
  /** Sessions wanted; grows by the button. */
  #wanted = PAGE;
  #askedAt = -AGAIN_MS;

  /** @param {(path: string) => Promise<any>} ask requests a path of the API; rejects with an error to show */
  constructor(ask) {
    this.#ask = ask;
    part('sessions-table').append(this.#table.element);
    box.addEventListener('toggle', () => this.refresh(true));
    more.addEventListener('click', () => {
      this.#wanted += PAGE;
      this.refresh(true);
    });
  }

  /**
   * Fetches the sessions if they are shown and old, or `now`. Call it about every second.
   * @param {boolean} [now]
   */
  refresh(now = false) {
    if (!box.open || (!now && performance.now() - this.#askedAt < AGAIN_MS)) return;
    this.#askedAt = performance.now();
    void this.#fetch();
  }

  /** Removes all sessions. */
  clear() {
    this.#wanted = PAGE;
    this.#askedAt = -AGAIN_MS;
    box.open = false;
    this.#table.show([]);
  }

  async #fetch() {
    const asked = this.#askedAt;
    try {
      // The API has at most 1,000 on a page, so that is all the page shows.
      const { sessions, next } = await this.#ask(`/api/sessions?limit=${Math.min(1_000, this.#wanted)}`);
      if (asked !== this.#askedAt) return;
      this.#table.show(sessions);
      more.hidden = next === null || sessions.length >= 1_000;
      part('sessions-caption').textContent = captionOf(sessions.length, next);
    } catch (error) {
      part('sessions-caption').textContent = printable(error instanceof Error ? error.message : error);
    }
  }
}

/**
 * @param {number} count
 * @param {number | null} next
 */
function captionOf(count, next) {
  if (count === 0) return 'There are none.';
  return next === null ? `${whole(count)} sessions, the oldest first.` : `The oldest ${whole(count)}.`;
}

/** @param {any} session */
function hasDialect({ dialect }) {
  return dialect !== undefined;
}

/**
 * @param {HTMLElement} cell
 * @param {any} session
 */
function fillClient(cell, { clientName, clientId, twin }) {
  cell.replaceChildren(
    element('div', 'foreign', printable(clientName ?? 'not identified yet')),
    shortId(clientId ?? ''),
    ...(twin ? [element('div', 'problem', 'in use in two places')] : []),
  );
}

/**
 * @param {HTMLElement} cell
 * @param {unknown} text
 */
function setText(cell, text) {
  cell.textContent = printable(text);
}
