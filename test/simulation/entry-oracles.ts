// The promises of join tokens and of roster bodies, checked against the entries of the cluster that a run stores.
import { hash } from 'node:crypto';
import type { EntryRecord } from '../../src/registry/command.ts';
import { EPOCH_KEY, ROSTER_KEY } from '../../src/registry/epoch.ts';
import { admissionKey } from '../../src/registry/join-tokens.ts';
import { decodeRosterBody, rosterBodyDigest } from '../../src/wire/roster-body.ts';
import type { LoggedEvent, MiniEtcd } from './mini-etcd.ts';
import { KEYS } from './simulated-store.ts';

/** A stored seat with the token that readers get. */
export interface ShownSeat {
  readonly index: number;
  readonly clientId: string;
  readonly token: Uint8Array;
}

/** A transaction that has been stored. */
export interface Stored {
  readonly before: ReadonlyMap<string, unknown>;
  readonly events: readonly LoggedEvent[];
  /** True if the transaction empties seats for a round. */
  readonly endsRound: boolean;
  readonly seats: readonly ShownSeat[];
}

type Fail = (what: string) => void;

const DIGEST_CHARS = 64;
const ADMISSION = admissionKey('');
/** Keys of entries: the type and a token's hash, and then the number of a use. */
const TOKEN_CHARS = 2 + DIGEST_CHARS;
const TOKEN = '02';

function entryAt(key: string, value: Uint8Array): Uint8Array {
  return (KEYS.record(key, value) as EntryRecord).value;
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Uses of join tokens: each is had by one key, as many as the token has, and burnt by an eviction only (A3). */
export class TokenOracle {
  readonly #prefix: string;
  readonly #etcd: MiniEtcd;
  readonly #fail: Fail;
  /** Uses of keys that were evicted. */
  readonly #burnt = new Set<string>();

  constructor(clusterId: string, etcd: MiniEtcd, fail: Fail) {
    this.#prefix = KEYS.entries(clusterId);
    this.#etcd = etcd;
    this.#fail = fail;
  }

  committed({ before, events, endsRound, seats }: Stored): void {
    for (const { key, value } of events) {
      if (!key.startsWith(this.#prefix)) continue;
      const entry = key.slice(this.#prefix.length);
      const former = before.get(key) as { readonly value: Uint8Array } | undefined;
      if (!former) continue;
      if (isUse(entry) && value && hexOf(entryAt(key, value)) !== hexOf(entryAt(key, former.value))) {
        this.#fail(`use ${shortOf(entry)} was given twice`);
      }
      if (entry.startsWith(ADMISSION) && !value) this.#ended(useIn(entryAt(key, former.value)), endsRound);
    }
    this.#check(seats);
  }

  /** Uses that are left of all tokens. */
  left(): Map<string, number> {
    const left = new Map<string, number>();
    for (const [entry, value] of this.#entries()) {
      if (isToken(entry)) left.set(hashIn(entry), Buffer.from(value).readUInt16BE() + (left.get(hashIn(entry)) ?? 0));
      else if (isUse(entry)) left.set(hashIn(entry), (left.get(hashIn(entry)) ?? 0) - 1);
    }
    return left;
  }

  #ended(use: string, endsRound: boolean): void {
    if (!this.#etcd.keys.has(this.#prefix + use)) return;
    if (endsRound) this.#fail(`a round has ended and kept use ${shortOf(use)}`);
    this.#burnt.add(use);
  }

  #check(seats: readonly ShownSeat[]): void {
    const entries = this.#entries();
    const uses = new Map(entries.filter(([entry]) => isUse(entry)).map(([entry, value]) => [entry, hexOf(value)]));
    const admitted = new Map<string, string>();
    for (const [entry, value] of entries) {
      if (!entry.startsWith(ADMISSION)) continue;
      const [digest, use] = [entry.slice(ADMISSION.length), useIn(value)];
      if (uses.get(use) !== digest) this.#fail(`${digest.slice(0, 6)} is admitted without its use ${shortOf(use)}`);
      admitted.set(digest, use);
    }
    for (const [token, left] of this.left())
      if (left < 0) this.#fail(`token ${token.slice(0, 6)} has ${left} uses left`);
    for (const [use, digest] of uses) {
      if (admitted.get(digest) !== use && !this.#burnt.has(use)) {
        this.#fail(`${digest.slice(0, 6)} has burnt use ${shortOf(use)}`);
      }
    }
    // A client's SigKey has the digest that is the client's ID.
    for (const { clientId } of seats) {
      if (!admitted.has(clientId)) this.#fail(`${clientId.slice(0, 6)} has a seat without a use`);
    }
  }

  #entries(): [entry: string, value: Uint8Array][] {
    return this.#etcd.under(this.#prefix).map(([key, { value }]) => {
      return [key.slice(this.#prefix.length), entryAt(key, value)];
    });
  }
}

/** Roster bodies: each change of a complete cluster has the next epoch with the seats it leads to (W1, W2). */
export class RosterOracle {
  readonly #clusterId: string;
  readonly #fail: Fail;
  #last: Uint8Array | undefined;
  #seats = '';
  bodies = 0;

  constructor(clusterId: string, fail: Fail) {
    this.#clusterId = clusterId;
    this.#fail = fail;
  }

  committed({ events, seats }: Stored): void {
    const written = (key: string) => events.findLast((event) => event.key === KEYS.entry(this.#clusterId, key))?.value;
    const value = written(ROSTER_KEY);
    if (!value) {
      // A member that registers again writes its seat with the token that it had.
      if (this.#last && textOfSeats(seats) !== this.#seats)
        this.#fail('a complete roster has changed without an epoch');
      return;
    }
    const bytes = entryAt(KEYS.entry(this.#clusterId, ROSTER_KEY), value);
    const body = decodeRosterBody(bytes);
    if (!body) return this.#fail('a roster body does not decode');
    const former = this.#last && decodeRosterBody(this.#last);
    if (body.epoch !== (former?.epoch ?? 0) + 1) this.#fail(`epoch ${body.epoch} follows ${former?.epoch}`);
    const before = this.#last ? rosterBodyDigest(this.#last) : Buffer.alloc(32);
    if (!before.equals(body.before)) this.#fail(`epoch ${body.epoch} does not follow the stored body`);
    const epoch = written(EPOCH_KEY);
    if (!epoch) this.#fail(`epoch ${body.epoch} was not stored with its body`);
    for (const [index, { kind, digest }] of body.seats.entries()) {
      const seat = seats.find((one) => one.index === index);
      const wanted = seat ? hash('sha256', seat.token, 'hex') : '00'.repeat(32);
      if ((kind === 'empty') !== !seat || hexOf(digest) !== wanted) {
        this.#fail(`epoch ${body.epoch} has another seat ${index} than the cluster`);
      }
    }
    this.bodies += 1;
    this.#last = bytes;
    this.#seats = textOfSeats(seats);
  }
}

function textOfSeats(seats: readonly ShownSeat[]): string {
  return seats.map(({ index, clientId, token }) => `${index} ${clientId} ${hexOf(token)}`).join();
}

/** True if the key of an entry is that of a join token. */
export function isToken(entry: string): boolean {
  return entry.startsWith(TOKEN) && entry.length === TOKEN_CHARS;
}

/** True if the key of an entry is that of a use. */
export function isUse(entry: string): boolean {
  return entry.startsWith(TOKEN) && entry.length > TOKEN_CHARS;
}

function hashIn(entry: string): string {
  return entry.slice(TOKEN.length, TOKEN_CHARS);
}

/** The use that an admission is by. */
function useIn(admission: Uint8Array): string {
  return TOKEN + hexOf(admission.subarray(0, 34));
}

function shortOf(use: string): string {
  return `${use.slice(2, 8)}/${Number.parseInt(use.slice(TOKEN_CHARS), 16)}`;
}
