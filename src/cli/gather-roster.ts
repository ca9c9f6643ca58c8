// Who is in a cluster: as it is now, or watched until it is full, with a word on stderr about how far it is.
import { escapeText } from '../client/escape-text.ts';
import {
  type ClusterMember,
  type ConnectOptions,
  connect,
  type Member,
  type RegCred,
  type RegistrySession,
  watchCluster,
} from '../client/index.ts';
import { printCount } from './print.ts';

/** What came of it. */
export interface GatheredRoster {
  /** By ascending index. */
  readonly members: readonly ClusterMember[];
  /** Undefined where an older registry does not tell the size. */
  readonly complete: boolean | undefined;
  /** Whether the time to wait was up before the cluster was full. */
  readonly timeUp: boolean;
}

/** The cluster to ask for, for how long, and how to get back to the registry if its server goes away meanwhile. */
export interface GatherOptions {
  readonly regCred: RegCred;
  readonly connectOptions: ConnectOptions;
  /** Who asks, with the ID that it has. */
  readonly member: Member;
  readonly clusterId: string;
  readonly size: number | undefined;
  /** Undefined: do not wait. */
  readonly waitMs: number | undefined;
  readonly signal: AbortSignal;
}

/** Gathers a roster. Rejects as watchCluster() does, but not because the time is up. */
export async function gatherRoster(
  session: RegistrySession,
  { regCred, connectOptions, member, clusterId, size, waitMs, signal }: GatherOptions,
): Promise<GatheredRoster> {
  const members: ClusterMember[] = [];
  const progress = waitMs === undefined ? undefined : new Progress(members, size);
  let timeUp = false;
  const stop = new AbortController();
  const passOn = () => stop.abort(signal.reason);
  const timer = waitMs === undefined ? undefined : setTimeout(() => stop.abort(), waitMs);
  signal.addEventListener('abort', passOn, { once: true });
  try {
    const open = async (signal: AbortSignal | undefined) => {
      const session = await connect(regCred, { ...connectOptions, signal });
      await session.identify(member);
      return session;
    };
    const onLost = (address: string, why: Error) => progress?.lost(address, why);
    const watch =
      waitMs === undefined
        ? session.members({ id: clusterId }, { wait: false, signal: stop.signal })
        : watchCluster(session, { id: clusterId }, open, { signal: stop.signal, onLost });
    for await (const member of watch) {
      // Of one that was evicted, whose seat this is now (R14).
      const former = members.findIndex(({ index }) => index === member.index);
      if (former >= 0) {
        members.splice(former, 1);
        progress?.left(former);
      }
      members.push(member);
      progress?.changed();
    }
  } catch (error) {
    if (!stop.signal.aborted || signal.aborted) throw error;
    timeUp = true;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', passOn);
    progress?.end();
  }
  members.sort((one, other) => one.index - other.index);
  const complete = size === undefined ? undefined : members.length >= size;
  return { members, complete, timeUp };
}

/** The seats nobody has taken, as `3-4`, `1, 3-4` or `none`. */
export function missingSeats(members: readonly ClusterMember[], size: number): string {
  const taken = new Set(members.map(({ index }) => index));
  const ranges: [first: number, last: number][] = [];
  for (let seat = 0; seat < size; seat++) {
    if (taken.has(seat)) continue;
    const range = ranges.at(-1);
    if (range?.[1] === seat - 1) range[1] = seat;
    else ranges.push([seat, seat]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ') || 'none';
}

/** After this, it is told that nobody is there yet. */
const NOBODY_MS = 200;

/** A line on stderr for each change; on a terminal one line that changes. Those who appear together are one change. */
class Progress {
  readonly #members: readonly ClusterMember[];
  readonly #size: number | undefined;
  readonly #nobody = setTimeout(() => this.#tell(), NOBODY_MS);
  #soon: NodeJS.Immediate | undefined;
  /** Members that have been told, and whether a line has been. */
  #told = 0;
  #begun = false;

  constructor(members: readonly ClusterMember[], size: number | undefined) {
    this.#members = members;
    this.#size = size;
  }

  changed(): void {
    clearTimeout(this.#nobody);
    this.#soon ??= setImmediate(() => this.#tell());
  }

  lost(address: string, why: Error): void {
    const end = process.stderr.isTTY && this.#begun ? '\n' : '';
    process.stderr.write(`${end}xlreg: ${address} is gone (${why.message}); looking for another server\n`);
  }

  /** The one at this place is no member any more. */
  left(place: number): void {
    if (place < this.#told) this.#told -= 1;
  }

  end(): void {
    clearTimeout(this.#nobody);
    if (this.#soon) this.#tell();
    if (process.stderr.isTTY && this.#begun) process.stderr.write('\n');
  }

  #tell(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    this.#begun = true;
    const names = this.#members.map(({ name }) => escapeText(name));
    const news = names.slice(this.#told);
    this.#told = names.length;
    const seats = this.#size === undefined ? 'none' : missingSeats(this.#members, this.#size);
    const count = `${printCount(this.#members, this.#size)} members`;
    const missing = seats === 'none' ? '' : `; missing seats: ${seats}`;
    // A terminal shows all of them each time, a log only those who are new.
    if (process.stderr.isTTY) rewriteLine(`${count}${missing}; ${names.join(', ')}`);
    else process.stderr.write(`${news.length > 0 ? `${news.join(', ')} joined; ` : ''}${count}${missing}\n`);
  }
}

function rewriteLine(text: string): void {
  process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
}
