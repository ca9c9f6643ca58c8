// A row of the list: a cluster, and its members while the row is open.
import { may } from './caller.js';
import { confirm } from './confirmation.js';
import { element, printable } from './element.js';
import { memberTable } from './member-table.js';

/** Members are fetched again after this time even without a change, because the cluster may be gone. */
const AGAIN_MS = 5_000;

/**
 * @typedef {object} RowHost
 * @property {(path: string, method?: string) => Promise<any>} ask requests a path of the API
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
  /** The members, while the row is open. @type {Details | undefined} */
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
    const { size, members, fill, complete, forming } = cluster;
    this.element.dataset.fill = complete ? 'complete' : fill;
    this.#bar.style.width = `${(100 * members) / size}%`;
    this.#seats.textContent = `${members} of ${size}`;
    const isConfirming = forming && forming.roundAgeMs !== null;
    const state = isConfirming ? `${forming.confirmed} confirmed` : fill;
    this.#fill.textContent = complete ? 'complete' : state;
    this.refresh();
  }

  /** Fetches the members again, if the row is open and they may have changed. */
  refresh() {
    const { at, members } = this.#asked;
    if (this.isOpen && (members !== this.cluster.members || performance.now() - at > AGAIN_MS)) void this.#askMembers();
  }

  close() {
    this.#details?.element.remove();
    this.#details = undefined;
    this.#button.setAttribute('aria-expanded', 'false');
  }

  #open() {
    this.#details = new Details(this.cluster, this.#host.ask, {
      // The button that had the focus is gone.
      evicted: () => {
        this.#button.focus();
        void this.#askMembers();
      },
      deleted: () => this.#host.gone(),
    });
    this.#asked = { at: 0, members: -1 };
    this.element.append(this.#details.element);
    this.#button.setAttribute('aria-expanded', 'true');
    this.#host.opened(this);
    this.refresh();
  }

  async #askMembers() {
    const { id, members } = this.cluster;
    this.#asked = { at: performance.now(), members };
    const details = this.#details;
    try {
      details?.show(await this.#host.ask(`/api/clusters/id:${encodeURIComponent(id)}/members`));
    } catch (error) {
      const { status = 0, message = '' } = /** @type {{ status?: number, message?: string }} */ (error);
      if (status === 404) this.#host.gone();
      else details?.fail(message);
    }
  }
}

/** The part of an open row below its button. */
class Details {
  element = element('div', 'details');
  #facts = element('p', 'hint foreign');
  #none = element('p', '', 'Nobody is in it yet.');
  #problem = element('p', 'problem');
  #members;

  /**
   * @param {any} cluster
   * @param {RowHost['ask']} ask
   * @param {{ evicted(): void, deleted(): void }} on
   */
  constructor(cluster, ask, on) {
    this.#members = memberTable(cluster, ask, on.evicted);
    this.#none.hidden = true;
    this.#members.element.hidden = true;
    this.element.append(this.#facts, this.#none, this.#members.element, this.#problem);
    if (may('delete')) this.element.append(deleteButton(cluster, ask, on.deleted));
  }

  /** @param {{ cluster: any, members: any[] }} shown */
  show({ cluster, members }) {
    const wants = cluster.endPointCount === 1 ? '1 end point' : `${cluster.endPointCount} end points`;
    const kept = cluster.keep ? ', kept without members' : '';
    this.#facts.textContent = printable(`ID ${cluster.id}, ${wants} each, attributes ${cluster.attrs}${kept}`);
    this.#none.hidden = members.length > 0;
    this.#members.element.hidden = members.length === 0;
    this.#members.show(members);
    this.#problem.textContent = '';
  }

  /** @param {string} message */
  fail(message) {
    this.#problem.textContent = printable(message);
  }
}

/**
 * @param {any} cluster
 * @param {RowHost['ask']} ask
 * @param {() => void} deleted
 */
function deleteButton({ id, name }, ask, deleted) {
  const button = element('button', 'danger', 'Delete cluster…');
  button.setAttribute('type', 'button');
  button.addEventListener('click', async () => {
    const done = await confirm({
      title: 'Delete this cluster?',
      object: name,
      consequence: 'All its members lose their seats. This cannot be undone.',
      label: 'Delete the cluster',
      perform: () => ask(`/api/clusters/id:${encodeURIComponent(id)}`, 'DELETE'),
    });
    if (done) deleted();
  });
  return button;
}
