// Makes the roster bodies of epochs (W2) for the table, which has neither clock nor hashes.
import { hash } from 'node:crypto';
import type { Registration } from '../registry/command.ts';
import type { RosterContents, RosterMaker } from '../registry/epoch.ts';
import { decodeRoster, decodeSealedFields } from '../wire/message.ts';
import {
  decodeRosterBody,
  EMPTY_SEAT,
  encodeRosterBody,
  type RosterSeat,
  rosterBodyDigest,
} from '../wire/roster-body.ts';
import { statementBytes, statementDigest } from '../wire/statement.ts';

const NO_BODY = new Uint8Array(32);

export class BodyMaker implements RosterMaker {
  readonly #registryId: Uint8Array;
  readonly #term: number;
  readonly #now: () => number;
  /**
   * Seats of registrations without a digest on record: a change of one member costs one hash. BOUNDED by the members of
   * complete clusters. V8 marks the entries of a WeakMap anew at each collection, so the other seats stay out.
   */
  readonly #seats = new WeakMap<Registration, RosterSeat>();

  /** `registryId` is hex; `now` returns milliseconds since 1970. */
  constructor(registryId: string, term: number, now: () => number) {
    this.#registryId = Buffer.from(registryId, 'hex');
    this.#term = term;
    this.#now = now;
  }

  make({ cluster, epoch, seats, before }: RosterContents): Uint8Array {
    return encodeRosterBody({
      registryId: this.#registryId,
      clusterId: Buffer.from(cluster.id, 'hex'),
      ...{ name: cluster.name, term: Math.max(this.#term, this.#termOf(before)), epoch },
      time: Math.floor(this.#now()),
      before: before ? rosterBodyDigest(before) : NO_BODY,
      seats: Array.from({ length: cluster.size }, (_, index) => this.#seatOf(seats[index])),
    });
  }

  isOfTerm(body: Uint8Array): boolean {
    return this.#termOf(body) >= this.#term;
  }

  #termOf(body: Uint8Array | undefined): number {
    return (body && decodeRosterBody(body)?.term) ?? 0;
  }

  #seatOf(member: Registration | undefined): RosterSeat {
    if (!member) return EMPTY_SEAT;
    const { sealed, statementDigest: digest } = member;
    if (sealed?.length && digest !== undefined) return { kind: 'stated', digest: Buffer.from(digest, 'hex') };
    const known = this.#seats.get(member);
    if (known) return known;
    const seat = seatOf(this.#registryId, member);
    this.#seats.set(member, seat);
    return seat;
  }
}

function seatOf(registryId: Uint8Array, { token, sealed }: Registration): RosterSeat {
  if (!sealed?.length) return { kind: 'unstated', digest: hash('sha256', token, 'buffer') };
  const whole = { ...decodeRoster(token)[0]!, ...definedIn(decodeSealedFields(sealed)) };
  return { kind: 'stated', digest: statementDigest(statementBytes(registryId, whole)) };
}

/** The fields that a token has in the sealed dialect alone. */
function definedIn({ SealKey, Seq, Labels }: ReturnType<typeof decodeSealedFields>) {
  return { SealKey: SealKey ?? null, Seq: Seq ?? null, Labels: Labels ?? null };
}
