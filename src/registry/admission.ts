// Admission to clusters by join tokens (A3 to A6): who may join and read, and what a Join records. Part of stage 3 of
// the data path, sequential. Pure like the table. Invariants: a SigKey is admitted by one use of one token. It holds one
// seat of such a cluster. A fenced ID with its SigKey stays out.
import type { Refusal } from '../errors.ts';
import { FENCES_PER_CLUSTER_MAX } from '../limits.ts';
import { retryAfterMs } from './barrier.ts';
import type { Client } from './client.ts';
import type { Cluster } from './cluster.ts';
import type { ClientRecord, Registration } from './command.ts';
import type { AdmissionClaim } from './join-token-spec.ts';
import {
  admissionKey,
  EntryEdits,
  fenceKey,
  isExpired,
  isFenceKey,
  type JoinToken,
  tokenKey,
  tokenOf,
  tokensOf,
  useKey,
} from './join-tokens.ts';
import { type Effect, type Outcome, refuseForNow } from './outcome.ts';

/** A use of a token that a Join has to record. */
export interface TokenUse {
  readonly hash: string;
  readonly number: number;
  /** The name that the token is for. */
  readonly forName?: string | undefined;
}

/** The right to join. */
export interface JoinRight {
  /** The use to record; undefined if the SigKey has been admitted before, or the cluster admits anybody. */
  readonly use: TokenUse | undefined;
  /** Index of the seat that the Join takes from its former member; undefined for a usual Join. */
  readonly replaces: number | undefined;
}

const USUAL: JoinRight = { use: undefined, replaces: undefined };
const DIGEST_BYTES = 32;
/** Offset of the name in an admission, behind the hash and the number of the use. */
const NAME_AT = DIGEST_BYTES + 2;

/** Registered clients by their IDs. */
type Clients = ReadonlyMap<string, Client>;

/** Judges a Join. `claim` is undefined in the RSA dialects. */
export function judgeJoin(
  cluster: Cluster,
  record: ClientRecord,
  claim: AdmissionClaim | undefined,
  clients: Clients,
): JoinRight | Refusal {
  if (cluster.record.owner === undefined) return USUAL;
  const { clientId, name, sigKeyDigest } = record;
  if (!claim) return 'join-token-dialect';
  if (isFenced(cluster, clientId, sigKeyDigest)) return 'member-replaced';
  const seat = cluster.seatOf(clientId);
  const replaces = seat < 0 ? seatToReplace(cluster, name, claim) : undefined;
  if (seat < 0 && hasOtherSeat(cluster, sigKeyDigest, replaces, clients)) return 'join-token-used-up';
  const admission = cluster.entries.get(admissionKey(sigKeyDigest));
  if (admission && replaces === undefined) {
    const forName = nameIn(admission);
    const fits = forName === undefined || forName === name;
    return fits && !isReserved(cluster, record, forName, claim.time) ? USUAL : 'join-token-for-other';
  }
  const token = judgeToken(cluster, record, claim, 'join');
  if (typeof token === 'string') return token;
  if (isReserved(cluster, record, token.forName, claim.time)) return 'join-token-for-other';
  const { hash, forName } = token;
  return { use: { hash, number: freeUse(cluster, token)!, forName }, replaces };
}

/** Judges a GetCluster; undefined if it is answered. `client` is undefined if it is not registered any more. */
export function judgeRead(
  cluster: Cluster,
  client: Client | undefined,
  claim: AdmissionClaim | undefined,
): Refusal | undefined {
  if (cluster.record.owner === undefined) return undefined;
  if (!claim) return 'join-token-dialect';
  if (!client) return 'client-unknown';
  const { clientId, sigKeyDigest } = client.record;
  if (isFenced(cluster, clientId, sigKeyDigest)) return 'member-replaced';
  if (cluster.entries.has(admissionKey(sigKeyDigest))) return undefined;
  const token = judgeToken(cluster, client.record, claim, 'read');
  return typeof token === 'string' ? token : undefined;
}

/**
 * Refuses what judgeJoin() or judgeRead() does. A token that is used up is refused for now while a round may still empty
 * the seat of a member that has a use of it, and so give that use back (A6, Q8).
 */
export function refuseAdmission(
  cluster: Cluster,
  refusal: Refusal,
  claim: AdmissionClaim | undefined,
  clients: Clients,
): Outcome {
  const { token: hash } = claim ?? {};
  const mayPass = refusal === 'join-token-used-up' && hash !== undefined && isHeldBySeated(cluster, hash, clients);
  return refuseForNow(refusal, mayPass ? retryAfterMs(cluster) : undefined);
}

/** True if a member has a seat by a use of this token. */
function isHeldBySeated({ seats, entries }: Cluster, hash: string, clients: Clients): boolean {
  return seats.some((member) => {
    const client = member && clients.get(member.clientId);
    const admission = client && entries.get(admissionKey(client.record.sigKeyDigest));
    return admission !== undefined && hashIn(admission) === hash;
  });
}

/** True if another registration has replaced this one, for good. */
export function isFenced({ entries }: Cluster, clientId: string, sigKeyDigest: string): boolean {
  return entries.has(fenceKey(clientId, sigKeyDigest));
}

/** Records what a Join with this right changes beside its seat. `former` is the member that it replaces. */
export function recordJoin(
  cluster: Cluster,
  { sigKeyDigest }: ClientRecord,
  { use }: JoinRight,
  former: Registration | undefined,
  context: { readonly time: number; readonly clients: Clients; readonly shared: boolean },
): EntryEdits {
  const edits = new EntryEdits(cluster);
  const key = admissionKey(sigKeyDigest);
  if (former) fence(cluster, former, sigKeyDigest, edits, context);
  if (use) {
    const digest = Uint8Array.from(Buffer.from(sigKeyDigest, 'hex'));
    edits.put(useKey(use.hash, use.number), digest, { ifAbsent: true, needs: tokenKey(use.hash) });
    edits.put(key, admissionBy(use));
  } else if (context.shared && cluster.record.owner !== undefined) {
    // An eviction at another server may end the admission before this Join is stored.
    edits.put(key, cluster.entries.get(key)!, { needs: key });
  }
  return edits;
}

/** Ends the admission of a SigKey. Its use stays had, so the same key needs another one. */
export function endAdmission(cluster: Cluster, sigKeyDigest: string | undefined): EntryEdits {
  const edits = new EntryEdits(cluster);
  if (sigKeyDigest !== undefined) edits.remove(admissionKey(sigKeyDigest));
  return edits;
}

/** Ends the admission of a SigKey and gives its use back, as after the expiry of its seat by a round (A3). */
export function giveBack(cluster: Cluster, sigKeyDigest: string): Effect {
  const edits = new EntryEdits(cluster);
  const admission = cluster.entries.get(admissionKey(sigKeyDigest));
  if (!admission) return edits;
  edits.remove(admissionKey(sigKeyDigest));
  edits.remove(useKey(hashIn(admission), Buffer.from(admission).readUInt16BE(DIGEST_BYTES)));
  return edits;
}

/** The token of a claim if it admits this client, else the refusal. */
function judgeToken(
  cluster: Cluster,
  { name }: ClientRecord,
  { token: hash, time }: AdmissionClaim,
  to: 'join' | 'read',
): JoinToken | Refusal {
  if (hash === undefined) return 'join-token-needed';
  const token = tokenOf(cluster, hash);
  if (!token) return 'join-token-unknown';
  const { forName, observer } = token;
  if ((forName !== undefined && forName !== name) || (observer && to === 'join')) return 'join-token-for-other';
  if (isExpired(token, time)) return 'join-token-expired';
  return observer || freeUse(cluster, token) !== undefined ? token : 'join-token-used-up';
}

/** Number of the lowest use that nobody has had; undefined if there is none. */
function freeUse({ entries }: Cluster, { hash, uses }: JoinToken): number | undefined {
  for (let number = 0; number < uses; number++) if (!entries.has(useKey(hash, number))) return number;
  return undefined;
}

/** The seat of this name, if the claim's token lets another client take it. */
function seatToReplace(cluster: Cluster, name: string, { token: hash }: AdmissionClaim): number | undefined {
  const token = hash === undefined ? undefined : tokenOf(cluster, hash);
  if (!token?.replace || token.forName !== name) return undefined;
  const index = cluster.seatNamed(name);
  return index < 0 ? undefined : index;
}

/** True if the SigKey has a seat under another ID, except at the index `replaces`. */
function hasOtherSeat(cluster: Cluster, sigKeyDigest: string, replaces: number | undefined, clients: Clients): boolean {
  return cluster.seats.some((member, index) => {
    return member && index !== replaces && clients.get(member.clientId)?.record.sigKeyDigest === sigKeyDigest;
  });
}

/** True if the client's name is new for it and kept for tokens of that name, of which the client's is none (A5). */
function isReserved(
  cluster: Cluster,
  { clientId, name }: ClientRecord,
  forName: string | undefined,
  time: number,
): boolean {
  if (forName === name || cluster.seats[cluster.seatOf(clientId)]?.name === name) return false;
  return tokensOf(cluster).some((token) => {
    return (
      token.forName === name && !token.observer && !isExpired(token, time) && freeUse(cluster, token) !== undefined
    );
  });
}

/** Keeps a replaced registration out for good. The oldest fences go. */
function fence(
  cluster: Cluster,
  { clientId }: Registration,
  sigKeyDigest: string,
  edits: EntryEdits,
  { time, clients }: { readonly time: number; readonly clients: Clients },
): void {
  const digest = clients.get(clientId)?.record.sigKeyDigest;
  if (digest === undefined) return;
  const fences = [...cluster.entries].filter(([key]) => isFenceKey(key));
  const oldest = fences.sort(([, one], [, other]) => Buffer.compare(one, other));
  for (const [key] of oldest.slice(0, Math.max(0, fences.length + 1 - FENCES_PER_CLUSTER_MAX))) edits.remove(key);
  const value = Buffer.alloc(8);
  value.writeBigUInt64BE(BigInt(time));
  edits.put(fenceKey(clientId, digest), Uint8Array.from(value));
  if (digest !== sigKeyDigest) edits.remove(admissionKey(digest));
}

/** The value of an admission: hash(32) number(2) and the name that the token is for, which outlives the token. */
function admissionBy({ hash, number, forName = '' }: TokenUse): Uint8Array {
  const use = Buffer.from(useKey(hash, number).slice(2), 'hex');
  return Uint8Array.from(Buffer.concat([use, Buffer.from(forName, 'latin1')]));
}

function nameIn(admission: Uint8Array): string | undefined {
  return Buffer.from(admission).toString('latin1', NAME_AT) || undefined;
}

function hashIn(admission: Uint8Array): string {
  return Buffer.from(admission).toString('hex', 0, DIGEST_BYTES);
}
