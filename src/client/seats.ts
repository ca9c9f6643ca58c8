// Seats in the replies of a registry: their bits, and why a client has none (V4). Free of Node, for browsers.
import { CLUSTER_SIZE_MAX } from '../limits.ts';
import { NoLongerMember, RegistryRefused } from './errors.ts';

/** YourSeat of a client whose round has passed without it. It may join again. */
export const SEAT_EXPIRED = 65;
const SEAT_REPLACED = 68;

/** Reasons for the loss of a seat, by YourSeat. */
const LOSSES: Readonly<Record<number, string>> = {
  [SEAT_EXPIRED]: 'it did not confirm in time',
  66: 'it has left',
  [SEAT_REPLACED]: 'another registration has replaced it',
};

/** The error of a member that is no longer on the roster, by the YourSeat of the reply if that is told. */
export function lossOf(yourSeat = 0): NoLongerMember {
  const why = LOSSES[yourSeat] ?? 'it has left the roster, as after an eviction';
  return new NoLongerMember(why, { code: yourSeat === SEAT_REPLACED ? 'MEMBERSHIP_REPLACED' : 'MEMBERSHIP_LOST' });
}

/** The error that a refused member gets if another registration has its seat; undefined for any other error. */
export function replacedBy(error: unknown): NoLongerMember | undefined {
  if (!(error instanceof RegistryRefused) || error.code !== 'REFUSED_MEMBER_REPLACED') return undefined;
  return new NoLongerMember(error.message, { code: 'MEMBERSHIP_REPLACED', cause: error });
}

/** Seats of a bit set as their indexes, ascending. */
export function seatIndexes(bits: bigint): number[] {
  return Array.from({ length: CLUSTER_SIZE_MAX }, (_, index) => index).filter((index) => (bits >> BigInt(index)) & 1n);
}
