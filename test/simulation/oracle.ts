// The promises of the barrier, checked against everything that is sent and stored in a run.
import type { ClientRecord, MemberRecord, MemberRef } from '../../src/registry/command.ts';
import { RosterOracle, type ShownSeat, TokenOracle } from './entry-oracles.ts';
import type { LoggedEvent, MiniEtcd } from './mini-etcd.ts';
import { textOf } from './mini-etcd.ts';
import { KEYS } from './simulated-store.ts';

/** The facts of a member that the oracle needs. */
export interface WatchedMember {
  readonly clientId: string;
  /** Since when it has been running without a pause; undefined if it is not. */
  readonly livingSince: number | undefined;
}

interface Kept {
  readonly value: Uint8Array;
}

export class Oracle {
  readonly violations: string[] = [];
  /** Since when no server has been cut off from etcd, in virtual time. */
  calmSince = 0;
  readonly #clusterId: string;
  readonly #size: number;
  readonly #etcd: MiniEtcd;
  readonly #now: () => number;
  readonly #members: ReadonlyMap<string, WatchedMember>;
  /** By client: the number of its last message. All messages and fills are numbered in order. */
  readonly #lastSent = new Map<string, number>();
  readonly #rounds = new Set<string>();
  #numbered = 0;
  #lastFill = 0;
  #roundBegan = 0;
  #seen: number;
  completed = false;
  /** Called when a round begins. */
  onRound: () => void = () => {};
  removed = 0;
  rounds = 0;
  /** Undefined if the cluster admits anybody. */
  readonly tokens: TokenOracle | undefined;
  readonly rosters: RosterOracle;

  constructor(
    clusterId: string,
    size: number,
    etcd: MiniEtcd,
    now: () => number,
    members: ReadonlyMap<string, WatchedMember>,
    admitsByToken: boolean,
  ) {
    this.#clusterId = clusterId;
    this.#size = size;
    this.#etcd = etcd;
    this.#now = now;
    this.#members = members;
    this.#seen = etcd.log.length;
    const fail = (what: string) => this.#fail(what);
    this.tokens = admitsByToken ? new TokenOracle(clusterId, etcd, fail) : undefined;
    this.rosters = new RosterOracle(clusterId, fail);
  }

  sent(clientId: string): void {
    this.#lastSent.set(clientId, ++this.#numbered);
  }

  /** A member was told this round. */
  told(round: string): void {
    if (!this.#rounds.has(`r${round}`)) this.#fail(`round ${round} was told before it was stored`);
  }

  fail(what: string): void {
    this.#fail(what);
  }

  /** Checks a transaction against the keys before it. `decided` is the roster that the server had decided on. */
  committed(before: ReadonlyMap<string, unknown>, decided: readonly string[] | undefined): void {
    const events = this.#etcd.log.slice(this.#seen);
    this.#seen = this.#etcd.log.length;
    if (events.length === 0) return;
    const stateKey = KEYS.roundState(this.#clusterId);
    const formerState = stateIn(before, stateKey);
    const state = events.findLast(({ key }) => key === stateKey);
    this.#checkSeats(before, events);
    const endsRound = state?.value !== undefined && textOf(state.value)[0] === 'e';
    const stored = { before, events, endsRound, seats: this.#shown() };
    this.tokens?.committed(stored);
    this.rosters.committed(stored);
    if (!state) return;
    const value = state.value ? textOf(state.value) : '';
    if (value[0] === 'r' && value !== formerState) {
      this.#rounds.add(value);
      this.#roundBegan = this.#now();
      this.rounds += 1;
      this.onRound();
    }
    if (value === 'c' && formerState !== 'c') this.#checkCompletion(decided);
    if (value[0] === 'e' && formerState[0] === 'r') this.#checkRemoval(before, events, value);
  }

  #checkSeats(before: ReadonlyMap<string, unknown>, events: readonly LoggedEvent[]): void {
    for (const { key, value } of events) {
      if (!key.startsWith(KEYS.members(this.#clusterId)) || !value) continue;
      const { clientId } = memberAt(key, value);
      const former = before.get(key) as Kept | undefined;
      if (!former) this.#lastFill = ++this.#numbered;
      else if (memberAt(key, former.value).clientId !== clientId) this.#fail(`${key} was given twice`);
    }
    const clients = this.#seated().map(({ clientId }) => clientId);
    if (new Set(clients).size < clients.length) this.#fail('a client has two seats');
    if (clients.length > this.#size) this.#fail('more members than seats');
  }

  #checkCompletion(decided: readonly string[] | undefined): void {
    if (this.completed) this.#fail('completed twice');
    this.completed = true;
    const members = this.#seated();
    if (members.length < this.#size) this.#fail('completed without being full');
    for (const { clientId } of members) {
      if ((this.#lastSent.get(clientId) ?? 0) < this.#lastFill) {
        this.#fail(`completed although ${clientId.slice(0, 6)} has sent nothing since the last seat was taken`);
      }
    }
    if (decided && decided.join() !== this.rosterText().join())
      this.#fail('completed with another roster than decided');
  }

  #checkRemoval(before: ReadonlyMap<string, unknown>, events: readonly LoggedEvent[], state: string): void {
    const mask = BigInt(`0x${state.slice(1)}`);
    const emptied = events.filter(({ key, value }) => key.startsWith(KEYS.members(this.#clusterId)) && !value);
    const losers = emptied.map(({ key }) => memberAt(key, (before.get(key) as Kept).value));
    losers.push(...this.#seated().filter(({ index }) => (mask >> BigInt(index)) & 1n));
    for (const { clientId } of losers) {
      this.removed += 1;
      if (before.has(KEYS.confirmation(this.#clusterId, clientId))) {
        this.#fail(`${clientId.slice(0, 6)} lost its seat although it had confirmed`);
      }
      const { livingSince = Infinity } = this.#members.get(clientId) ?? {};
      if (livingSince < this.#roundBegan && this.calmSince < this.#roundBegan) {
        this.#fail(`${clientId.slice(0, 6)} lost its seat although it has been living`);
      }
    }
  }

  hasSeat(clientId: string): boolean {
    return this.#seated().some((member) => member.clientId === clientId);
  }

  /** The stored members as text, for comparison. */
  rosterText(): string[] {
    return this.#shown().map(({ index, clientId, token }) => {
      return `${index} ${clientId} ${Buffer.from(token).toString('hex')}`;
    });
  }

  #shown(): ShownSeat[] {
    return this.#seated().map((member) => {
      return { index: member.index, clientId: member.clientId, token: this.#tokenOf(member) };
    });
  }

  /** A seat without a token has that of its client's record. */
  #tokenOf(member: MemberRecord | MemberRef): Uint8Array {
    if (member.kind === 'member') return member.token;
    const key = KEYS.client(member.clientId);
    return (KEYS.record(key, this.#etcd.keys.get(key)!.value) as ClientRecord).token;
  }

  #seated(): (MemberRecord | MemberRef)[] {
    return this.#etcd.under(KEYS.members(this.#clusterId)).map(([key, { value }]) => memberAt(key, value));
  }

  #fail(what: string): void {
    if (this.violations.length < 10) this.violations.push(`${(this.#now() / 1_000).toFixed(3)} s: ${what}`);
  }
}

function memberAt(key: string, value: Uint8Array): MemberRecord | MemberRef {
  return KEYS.record(key, value) as MemberRecord | MemberRef;
}

function stateIn(keys: ReadonlyMap<string, unknown>, key: string): string {
  const kept = keys.get(key) as Kept | undefined;
  return kept ? textOf(kept.value) : '';
}
