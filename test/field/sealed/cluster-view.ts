// One client's view of a cluster, written from the protocol's page: it applies what ClusterMembers says has changed,
// holds the result against RosterHash, returns rounds, and waits (V, Q).

import { type FieldMessage, type FieldToken, type MessageInput, OP } from '../protobuf.ts';
import { sha256 } from './noise.ts';
import type { SealedClient } from './sealed-client.ts';

/** The reasons that YourSeat gives for having no seat (V4). */
export const NO_SEAT = { never: 64, expired: 65, left: 66, evicted: 67, replaced: 68 } as const;
/** The values of WaitFor (V5). */
export const WAIT_FOR = { change: 0, complete: 1 } as const;

/** The indexes whose bits are set. */
export function indexes(bits: bigint): number[] {
  return Array.from({ length: 64 }, (_, index) => index).filter((index) => (bits >> BigInt(index)) & 1n);
}

interface Seat {
  readonly token: FieldToken;
  /** The token's bytes, as the registry sent them. */
  readonly bytes: Buffer;
}

/** A cluster as one client has seen it. */
export class ClusterView {
  readonly clusterId: Buffer;
  readonly seats = new Map<number, Seat>();
  /** The last reply. */
  last: FieldMessage | undefined;

  constructor(clusterId: Buffer) {
    this.clusterId = clusterId;
  }

  get version(): bigint {
    return this.last!.clusterVersion!;
  }

  get epoch(): bigint {
    return this.last?.epoch ?? 0n;
  }

  /** `index name`, ascending. */
  get members(): string[] {
    return [...this.seats].sort(([a], [b]) => a - b).map(([index, { token }]) => `${index} ${token.name}`);
  }

  /** The fields of a GetCluster that asks for what has changed, and confirms a round if there is one. */
  question(fields: MessageInput = {}): MessageInput {
    const { last } = this;
    const known = last === undefined ? {} : { knownVersion: last.clusterVersion, history: last.history };
    return { op: OP.GetCluster, clusterId: this.clusterId, ...known, ...fields };
  }

  /** Applies a reply. Throws if the roster then differs from the registry's. */
  apply(reply: FieldMessage): void {
    if (reply.op !== OP.ClusterMembers) throw new Error(`Op ${reply.op} (${reply.errDesc})`);
    if (!this.clusterId.equals(reply.clusterId!)) throw new Error('the reply is for another cluster');
    if (reply.clusterVersion === undefined || reply.history?.length !== 8) throw new Error('no version, or no History');
    const told = indexes(reply.which ?? 0n);
    if (told.length !== reply.tokens.length) throw new Error(`${told.length} bits, ${reply.tokens.length} tokens`);
    for (const index of indexes(reply.emptied ?? 0n)) this.seats.delete(index);
    told.forEach((index, place) => {
      this.seats.set(index, { token: reply.tokens[place]!, bytes: reply.tokenBytes![place]! });
    });
    this.last = reply;
    if (!this.hash().equals(reply.rosterHash ?? Buffer.alloc(0))) throw new Error('RosterHash differs');
  }

  /** The hash of the whole roster (V3). */
  hash(): Buffer {
    const seats = [...this.seats].sort(([a], [b]) => a - b);
    return sha256(this.clusterId, ...seats.flatMap(([index, { bytes }]) => [Buffer.from([index]), sha256(bytes)]));
  }

  /** Asks for what has changed. */
  async ask(client: SealedClient, fields: MessageInput = {}): Promise<FieldMessage> {
    const reply = await client.request(this.question(fields));
    this.apply(reply);
    return reply;
  }

  /** Waits for the completion and confirms each round until the own bit is set (Q4). Returns the reply with epoch 1. */
  async complete(client: SealedClient, fields: MessageInput = {}): Promise<FieldMessage> {
    for (let round: Buffer | undefined; ; ) {
      const waiting = this.last === undefined ? {} : { waitMs: 10_000, waitFor: WAIT_FOR.complete };
      const reply = await this.ask(client, { ...waiting, round, ...fields });
      if (this.epoch > 0n) return reply;
      if (reply.yourSeat! >= NO_SEAT.never) throw new Error(`no seat: ${reply.yourSeat}`);
      const confirmed = ((reply.confirmed ?? 0n) >> BigInt(reply.yourSeat!)) & 1n;
      round = confirmed ? undefined : reply.round;
    }
  }
}
