// A cluster in the list, and who is in it when its row is open.
import { element, printable } from './element.js';

/** Who is in a cluster is asked again after so long even if it seems unchanged: it may be gone. */
const AGAIN_MS = 5_000;

/**
 * @typedef {object} RowHost
 * @property {(path: string) => Promise<any>} ask asks the API
 * @property {(row: ClusterRow) => void} opened
 * @property {() => void} gone there is no such cluster any more
 */

export class ClusterRow {
  element = element('li', '');
  /** As it was last told. @type {any} */
  cluster;
  #host;
  #button = element('button', 'cluster');
  #bar = element('div', '');
  #seats = element('span', 'seats');
  #fill = element('span', 'fill');
  /** Below the row while it is open. @type {HTMLElement | undefined} */
  #details;
  /** When members were last asked for, and how many there were then. */
  #asked = { at: 0, members: -1 };

  /**
   * @param {any} cluster
   * @param {RowHost} host
   */
  constructor(cluster, host) {
    this.#host = host;
    const name = element('span', 'name foreign', printable(cluster.name));
    this.#button.append(name, element('div', 'track', this.#bar), this.#seats, this.#fill);
    this.#button.setAttribute('type', 'button');
    this.#button.setAttribute('aria-expanded', 'false');
    this.#button.addEventListener('click', () => (this.isOpen ? this.close() : this.#open()));
    this.element.append(this.#button);
    this.show(cluster);
  }

  get isOpen() {
    return this.#details !== undefined;
  }

  /**
   * Shows how far it is now.
   * @param {any} cluster
   */
  show(cluster) {
    this.cluster = cluster;
    const { size, members, fill } = cluster;
    this.element.dataset.fill = fill;
    this.#bar.style.width = `${(100 * members) / size}%`;
    this.#seats.textContent = `${members} of ${size}`;
    this.#fill.textContent = fill;
    this.refresh();
  }

  /** Asks again who is in it, if it is open and that may have changed. */
  refresh() {
    const { at, members } = this.#asked;
    if (this.isOpen && (members !== this.cluster.members || performance.now() - at > AGAIN_MS)) void this.#askMembers();
  }

  close() {
    this.#details?.remove();
    this.#details = undefined;
    this.#button.setAttribute('aria-expanded', 'false');
  }

  #open() {
    this.#details = element('div', 'details', element('p', 'hint', '…'));
    this.#asked = { at: 0, members: -1 };
    this.element.append(this.#details);
    this.#button.setAttribute('aria-expanded', 'true');
    this.#host.opened(this);
    this.refresh();
  }

  async #askMembers() {
    const { id, members } = this.cluster;
    this.#asked = { at: performance.now(), members };
    const details = this.#details;
    try {
      const shown = await this.#host.ask(`/api/clusters/id:${encodeURIComponent(id)}/members`);
      details?.replaceChildren(...describe(shown));
    } catch (error) {
      const { status = 0, message = '' } = /** @type {{ status?: number, message?: string }} */ (error);
      if (status === 404) this.#host.gone();
      else details?.replaceChildren(element('p', 'problem', printable(message)));
    }
  }
}

/** @param {{ cluster: any, members: any[] }} shown */
function describe({ cluster, members }) {
  const head = element('tr', '', header('#', 'index'), header('Member', ''), header('End points', ''));
  const body = members.map(({ index, name, clientId, endPoints }) =>
    element(
      'tr',
      '',
      element('td', 'index', String(index)),
      element('td', '', foreign(name, ''), foreign(clientId, 'mono hint')),
      element('td', '', ...endPoints.map((/** @type {unknown} */ endPoint) => foreign(endPoint, 'mono'))),
    ),
  );
  const wants = cluster.endPointCount === 1 ? '1 end point' : `${cluster.endPointCount} end points`;
  const facts = `ID ${cluster.id}, ${wants} each, attributes ${cluster.attrs}`;
  const table = element('table', 'members', element('thead', '', head), element('tbody', '', ...body));
  return [
    element('p', 'hint foreign', printable(facts)),
    members.length === 0 ? element('p', '', 'Nobody is in it yet.') : table,
  ];
}

/**
 * @param {string} text
 * @param {string} className
 */
function header(text, className) {
  const cell = element('th', className, text);
  cell.setAttribute('scope', 'col');
  return cell;
}

/**
 * @param {unknown} text
 * @param {string} className
 */
function foreign(text, className) {
  return element('div', `foreign ${className}`, printable(text));
}
