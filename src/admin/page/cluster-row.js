// A row of the list: a cluster, and its members while the row is open.
import { element, printable } from './element.js';

/** Members are fetched again after this time even without a change, because the cluster may be gone. */
const AGAIN_MS = 5_000;

/**
 * @typedef {object} RowHost
 * @property {(path: string) => Promise<any>} ask requests a path of the API
 * @property {(row: ClusterRow) => void} opened
 * @property {() => void} gone the cluster does not exist any more
 */

export class ClusterRow {
  element = element('li', '');
  /** The latest state. @type {any} */
  cluster;
  #host;
  #button = element('button', 'cluster');
  #bar = element('div', '');
  #seats = element('span', 'seats');
  #fill = element('span', 'fill');
  /** The members, while the row is open. @type {HTMLElement | undefined} */
  #details;
  /** Time of the last request for members, and their count then. */
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
   * Shows the present state.
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

  /** Fetches the members again, if the row is open and they may have changed. */
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
