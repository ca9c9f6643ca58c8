// Members and rosters in JSON, in one form for JSON.stringify and for the command line, which
// docs/reference/output.schema.json describes. console.log shows fingerprints in place of keys.
import { printable } from '../wire/printable.ts';
import { printSshRsa } from '../wire/rsa-key.ts';
import { type ClusterMember, hasSeat, type Roster } from './cluster.ts';
import { seatIndexes } from './seats.ts';

/** A member for JSON: keys in SSH form, attrs as decimal text because they have 64 bits. */
export function memberJson(member: ClusterMember) {
  const { index, name, id, attrs, endPoints, commsKey, sigKey } = member;
  const { verified, unverified, restored, seq, labels, sealKey } = member;
  return {
    index,
    name,
    id,
    attrs: attrs.toString(),
    endPoints,
    commsKey: printSshRsa(commsKey),
    sigKey: printSshRsa(sigKey),
    verified,
    ...(unverified && { unverified }),
    ...(restored && { restored: true as const }),
    ...(verified && { seq, labels, sealKey: sealKey && Buffer.from(sealKey).toString('hex') }),
  };
}

/** All members of a cluster, with what is known of it. */
export interface WholeRoster extends Pick<Roster, 'clusterId' | 'size' | 'members' | 'epoch' | 'round' | 'confirmed'> {
  /** The cluster's name, if it is known. */
  readonly cluster?: string | undefined;
  /** Default: as the epoch, else `full`, tells. */
  readonly complete?: boolean | undefined;
}

/** A whole roster for JSON. */
export function rosterJson(roster: WholeRoster) {
  const { cluster, clusterId, size, members, epoch, round, confirmed = 0n } = roster;
  const full = size === undefined ? undefined : members.length >= size;
  const { complete = epoch === undefined ? full : epoch > 0 } = roster;
  const seated = (is: boolean) => members.filter(({ index }) => hasSeat(confirmed, index) === is);
  return {
    ...(cluster !== undefined && { cluster }),
    ...{ clusterId, size, full, complete },
    ...(epoch !== undefined && { epoch }),
    ...(round !== undefined &&
      !complete && {
        round,
        confirmed: seated(true).map(({ index }) => index),
        unconfirmed: seated(false).map(({ name }) => name),
      }),
    members: members.map(memberJson),
  };
}

/** Gives a roster and its members a printed form; `toJson` returns that of the roster in JSON. */
export function printableRoster<T extends Roster>(roster: T, toJson?: (roster: T) => object): T {
  for (const member of roster.members) printable(member, {}, memberJson);
  return printable<Roster>(roster, { confirmed: seatIndexes }, toJson as (roster: Roster) => object) as T;
}
