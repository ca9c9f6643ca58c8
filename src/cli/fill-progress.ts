// Prints on stderr how full a cluster is: a line for each change, or in the foreground of a terminal one line that is
// rewritten. All events of one turn of the event loop count as one change.
import { escapeText } from '../client/escape-text.ts';
import type { ClusterMember, Roster } from '../client/index.ts';
import { missingSeats, unconfirmedNames } from './print.ts';
import { ownsTerminalLine } from './terminal-line.ts';

/** The count of an empty cluster is printed after this time. */
const EMPTY_MS = 200;

export class FillProgress {
  readonly #seats: ReadonlyMap<number, ClusterMember>;
  readonly #size: () => number | undefined;
  readonly #emptyTimer = setTimeout(() => this.#print(), EMPTY_MS);
  #soon: NodeJS.Immediate | undefined;
  /** Events since the last line. BOUNDED: one turn brings one reply, which has 64 of each at most. */
  #events: string[] = [];
  #joined: string[] = [];
  /** A line without its end is on the terminal. */
  #isLineOpen = false;
  /** Bits of the seats that have confirmed; undefined without an open round. */
  #confirmed: bigint | undefined;

  /** `seats` is read for each line. */
  constructor(seats: ReadonlyMap<number, ClusterMember>, size: () => number | undefined) {
    this.#seats = seats;
    this.#size = size;
  }

  /** A member has taken the seat of `former`, or has a new token if its ID is the same. */
  appeared(former: ClusterMember | undefined, member: ClusterMember): void {
    const name = escapeText(member.name);
    if (former?.id === member.id) this.#events.push(`${name} is at ${member.endPoints.map(escapeText).join(' ')} now`);
    else this.#joined.push(name);
    if (former && former.id !== member.id) this.#events.push(`${escapeText(former.name)} left`);
    this.#changed();
  }

  /** Takes how far the cluster is. A line follows if it says more than the one before. */
  confirmed({ epoch, round, confirmed = 0n }: Roster): void {
    const isOpen = epoch === 0 && round !== undefined;
    const open = isOpen ? confirmed : undefined;
    if (open === this.#confirmed) return;
    this.#confirmed = open;
    if (isOpen) this.#changed();
  }

  left(member: ClusterMember): void {
    this.#events.push(`${escapeText(member.name)} left`);
    this.#changed();
  }

  lost(address: string, why: string): void {
    this.#endLine();
    process.stderr.write(`xlreg: lost ${address} (${why}); trying another server\n`);
  }

  end(): void {
    clearTimeout(this.#emptyTimer);
    if (this.#soon) this.#print();
    this.#endLine();
  }

  #endLine(): void {
    if (this.#isLineOpen) process.stderr.write('\n');
    this.#isLineOpen = false;
  }

  #changed(): void {
    clearTimeout(this.#emptyTimer);
    this.#soon ??= setImmediate(() => this.#print());
  }

  #print(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    const members = [...this.#seats.values()];
    const size = this.#size();
    const seats = size === undefined ? 'none' : missingSeats(members, size);
    const count = `${size === undefined ? members.length : `${members.length} of ${size}`} members`;
    const missing = seats === 'none' ? '' : `; missing seats: ${seats}`;
    const unconfirmed = this.#unconfirmed(members);
    const joined = this.#joined.length > 0 ? [`${this.#joined.join(', ')} joined`] : [];
    const news = [...this.#events, ...joined].map((event) => `${event}; `).join('');
    this.#events = [];
    this.#joined = [];
    // A rewritten line lists all members; another one only the changes.
    if (ownsTerminalLine()) {
      rewriteLine(`${count}${missing}${unconfirmed}; ${members.map(({ name }) => escapeText(name)).join(', ')}`);
      this.#isLineOpen = true;
    } else {
      this.#endLine();
      process.stderr.write(`${news}${count}${missing}${unconfirmed}\n`);
    }
  }

  #unconfirmed(members: readonly ClusterMember[]): string {
    const confirmed = this.#confirmed;
    if (confirmed === undefined) return '';
    const names = unconfirmedNames(members, confirmed);
    return names === '' ? '' : `; not yet confirmed: ${names}`;
  }
}

function rewriteLine(text: string): void {
  process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
}
