// How far a cluster is from full, on stderr: a line for each change; on a terminal one line that changes. What happens in
// one turn of the event loop is one change.
import { escapeText } from '../client/escape-text.ts';
import type { ClusterMember } from '../client/index.ts';
import { missingSeats } from './print.ts';

/** After this, it is told that nobody is there yet. */
const NOBODY_MS = 200;

export class FillProgress {
  readonly #seats: ReadonlyMap<number, ClusterMember>;
  readonly #size: () => number | undefined;
  readonly #nobody = setTimeout(() => this.#tell(), NOBODY_MS);
  #soon: NodeJS.Immediate | undefined;
  /** Since the last line: 64 of each at most in one reply. */
  #events: string[] = [];
  #joined: string[] = [];
  #begun = false;

  /** `seats` is read whenever something is told. */
  constructor(seats: ReadonlyMap<number, ClusterMember>, size: () => number | undefined) {
    this.#seats = seats;
    this.#size = size;
  }

  /** A member is there, instead of the one that was seen in its seat, or with another token than it had. */
  appeared(former: ClusterMember | undefined, member: ClusterMember): void {
    const name = escapeText(member.name);
    if (former?.id === member.id) this.#events.push(`${name} is at ${member.endPoints.map(escapeText).join(' ')} now`);
    else this.#joined.push(name);
    if (former && former.id !== member.id) this.#events.push(`${escapeText(former.name)} left`);
    this.#changed();
  }

  left(member: ClusterMember): void {
    this.#events.push(`${escapeText(member.name)} left`);
    this.#changed();
  }

  lost(address: string, why: string): void {
    const end = process.stderr.isTTY && this.#begun ? '\n' : '';
    process.stderr.write(`${end}xlreg: ${address} is gone (${why}); looking for another server\n`);
  }

  end(): void {
    clearTimeout(this.#nobody);
    if (this.#soon) this.#tell();
    if (process.stderr.isTTY && this.#begun) process.stderr.write('\n');
  }

  #changed(): void {
    clearTimeout(this.#nobody);
    this.#soon ??= setImmediate(() => this.#tell());
  }

  #tell(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    this.#begun = true;
    const members = [...this.#seats.values()];
    const size = this.#size();
    const seats = size === undefined ? 'none' : missingSeats(members, size);
    const count = `${size === undefined ? members.length : `${members.length} of ${size}`} members`;
    const missing = seats === 'none' ? '' : `; missing seats: ${seats}`;
    const joined = this.#joined.length > 0 ? [`${this.#joined.join(', ')} joined`] : [];
    const news = [...this.#events, ...joined].map((event) => `${event}; `).join('');
    this.#events = [];
    this.#joined = [];
    // A terminal shows all of them each time, a log only the changes.
    if (!process.stderr.isTTY) process.stderr.write(`${news}${count}${missing}\n`);
    else rewriteLine(`${count}${missing}; ${members.map(({ name }) => escapeText(name)).join(', ')}`);
  }
}

function rewriteLine(text: string): void {
  process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
}
