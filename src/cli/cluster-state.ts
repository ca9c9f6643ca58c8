// A gathered roster as commands print it: how far its cluster is (filling, confirming, complete), and its members.
import type { GatheredRoster } from './gather-roster.ts';
import { missingSeats, unconfirmedMembers, unconfirmedNames } from './print.ts';

/** A line for people, with names escaped; undefined if an older registry does not tell. */
export function printedState({ members, size, full, complete, epoch, round, confirmed = 0n }: GatheredRoster) {
  if (size === undefined || complete === undefined) return undefined;
  if (complete) return epoch === undefined ? 'complete' : `complete, epoch ${epoch}`;
  if (round !== undefined) {
    const count = members.length - unconfirmedMembers(members, confirmed).length;
    return `${count} of ${size} confirmed; not yet confirmed: ${unconfirmedNames(members, confirmed)}`;
  }
  return full ? 'full; not yet confirming' : `filling; missing seats: ${missingSeats(members, size)}`;
}

/** The field of printedState() for printFields(). */
export function stateField(roster: GatheredRoster): readonly (readonly [label: string, value: string])[] {
  const state = printedState(roster);
  return state === undefined ? [] : [['state', state]];
}
