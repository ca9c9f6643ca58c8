// The list of clusters: the latest changes from the stream, or the results of a search from the API. A row is made once
// and updated in place, so that a reader does not lose it.
import { ClusterRow } from './cluster-row.js';
import { part, printable } from './element.js';

/** A search starts this long after the last key. */
const TYPING_MS = 300;
/** Interval of repeating a search, which makes the registry scan its table. */
const AGAIN_MS = 10_000;
const PAGE = 100;

const list = part('clusters');
const caption = part('list-caption');
const prefix = /** @type {HTMLInputElement} */ (part('prefix'));
const fill = /** @type {HTMLSelectElement} */ (part('fill'));
const hold = /** @type {HTMLInputElement} */ (part('hold'));
const more = /** @type {HTMLButtonElement} */ (part('more'));

export class ClusterList {
  #ask;
  /** @type {Map<string, ClusterRow>} */
  #rows = new Map();
  /** @type {any[]} */
  #recent = [];
  /**
   * The results of the search; undefined if there is none. @type {{ clusters: any[], next: string | null, at: number }
   * | undefined}
   */
  #found;
  /** Counts searches, so that a late response of an older one is ignored. */
  #asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;

  /** @param {(path: string) => Promise<any>} ask requests a path of the API; rejects with an error to show */
  constructor(ask) {
    this.#ask = ask;
    part('search').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#search();
    });
    prefix.addEventListener('input', () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => void this.#search(), TYPING_MS);
    });
    fill.addEventListener('change', () => void this.#search());
    hold.addEventListener('change', () => this.#arrange());
    more.addEventListener('click', () => void this.#search(this.#found));
  }

  /**
   * Shows the latest changes, newest first.
   * @param {any[]} clusters
   */
  showRecent(clusters) {
    this.#recent = clusters;
    for (const cluster of clusters) this.#rows.get(cluster.id)?.show(cluster);
    if (!this.#found) this.#arrange();
  }

  /** Call it about every second. */
  refresh() {
    for (const row of this.#rows.values()) row.refresh();
    const found = this.#found;
    if (found && found.clusters.length <= PAGE && performance.now() - found.at > AGAIN_MS) void this.#search();
  }

  /** Removes all rows and results. */
  clear() {
    this.#asked += 1;
    this.#recent = [];
    this.#found = undefined;
    prefix.value = fill.value = '';
    hold.checked = false;
    for (const row of this.#rows.values()) row.element.remove();
    this.#rows.clear();
    this.#arrange();
  }

  /**
   * Searches by the fields: the first page, or the page after `before`.
   * @param {{ clusters: any[], next: string | null }} [before]
   */
  async #search(before) {
    const asked = ++this.#asked;
    if (prefix.value === '' && fill.value === '') {
      this.#found = undefined;
      return this.#arrange();
    }
    const query = new URLSearchParams({ limit: String(PAGE), prefix: prefix.value });
    if (fill.value) query.set('fill', fill.value);
    if (before?.next) query.set('cursor', before.next);
    try {
      const { clusters, next } = await this.#ask(`/api/clusters?${query}`);
      if (asked !== this.#asked) return;
      this.#found = { clusters: [...(before?.clusters ?? []), ...clusters], next, at: performance.now() };
      for (const cluster of clusters) this.#rows.get(cluster.id)?.show(cluster);
      this.#arrange();
    } catch (error) {
      if (asked === this.#asked) caption.textContent = printable(error instanceof Error ? error.message : error);
    }
  }

  /** Arranges the visible rows in order. An open row stays, whatever else is shown. */
  #arrange() {
    const found = this.#found;
    more.hidden = !found?.next;
    caption.textContent = captionOf(found, this.#recent);
    if (hold.checked && !found) return;
    const wanted = new Map((found?.clusters ?? this.#recent).map((cluster) => [cluster.id, cluster]));
    for (const [id, row] of this.#rows) if (row.isOpen && !wanted.has(id)) wanted.set(id, row.cluster);
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    let place = list.firstElementChild;
    for (const [id, cluster] of wanted) {
      const row = this.#rows.get(id) ?? this.#newRow(id, cluster);
      if (row.element === place) place = place.nextElementSibling;
      else list.insertBefore(row.element, place);
    }
    // A moved row loses the focus.
    if (focused !== document.activeElement) focused?.focus({ preventScroll: true });
  }

  /**
   * @param {string} id
   * @param {any} cluster
   */
  #newRow(id, cluster) {
    const row = new ClusterRow(cluster, {
      ask: this.#ask,
      opened: (opened) => {
        for (const other of this.#rows.values()) if (other !== opened) other.close();
      },
      gone: () => {
        row.element.remove();
        this.#rows.delete(id);
      },
    });
    this.#rows.set(id, row);
    return row;
  }
}

/**
 * @param {{ clusters: any[], next: string | null } | undefined} found
 * @param {any[]} recent
 */
function captionOf(found, recent) {
  if (!found) return recent.length === 0 ? 'There are none yet.' : 'Those that changed last come first.';
  if (found.clusters.length === 0) return 'There are none of these.';
  return `${found.clusters.length}${found.next ? ' and more' : ''}, by name.`;
}
