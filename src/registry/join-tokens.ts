// Join tokens of a cluster: the entries that store them, and the changes of a ChangeTokens or Create. Part of stage 3 of
// the data path, sequential. Pure like the table: times come with the commands. Invariant: the registry knows the
// SHA-256 of a token only, and finds it by that hash.
//
//   02 ‖ hash                 uses(2) ‖ expiry(8, ms since 1970; 0: none) ‖ flags(1) ‖ name      a token
//   02 ‖ hash ‖ number(2)     digest of the SigKey that has had this use                        a use
//   03 ‖ digest of a SigKey   hash ‖ number(2) of its use                                       an admission
//   04 ‖ ID ‖ digest          time(8, ms since 1970)                                            a fence (A5)
//
// Numbers are big-endian. A revoked token leaves its uses behind, so the same token, added again, has no more of them.
import type { Refusal } from '../errors.ts';
import { ENTRIES_PER_CLUSTER_MAX, FENCES_PER_CLUSTER_MAX, JOIN_TOKENS_PER_CLUSTER_MAX } from '../limits.ts';
import type { Cluster } from './cluster.ts';
import type { Change, EntryRecord } from './command.ts';
import type { TokenSpec, TokenState } from './join-token-spec.ts';
import type { Effect } from './outcome.ts';

const TOKEN = '02';
const ADMISSION = '03';
const FENCE = '04';
const DIGEST_CHARS = 64;
const [REPLACE, OBSERVER] = [1, 2];
const NAME_AT = 11;

/** Entries that a cluster may have for tokens, uses and admissions; the rest is for fences and rosters of epochs. */
const TOKEN_ENTRIES_MAX = ENTRIES_PER_CLUSTER_MAX - FENCES_PER_CLUSTER_MAX - 192;

/** A join token as it is stored. */
export interface JoinToken {
  readonly hash: string;
  readonly uses: number;
  /** Milliseconds since 1970; 0 if it does not expire. */
  readonly expiresAt: number;
  readonly forName: string | undefined;
  readonly replace: boolean;
  readonly observer: boolean;
}

export function tokenKey(hash: string): string {
  return TOKEN + hash;
}

export function useKey(hash: string, number: number): string {
  return TOKEN + hash + number.toString(16).padStart(4, '0');
}

export function admissionKey(sigKeyDigest: string): string {
  return ADMISSION + sigKeyDigest;
}

export function fenceKey(clientId: string, sigKeyDigest: string): string {
  return FENCE + clientId + sigKeyDigest;
}

export function isFenceKey(key: string): boolean {
  return key.startsWith(FENCE);
}

/** Returns the token with this hash, or undefined. */
export function tokenOf({ entries }: Pick<Cluster, 'entries'>, hash: string): JoinToken | undefined {
  const value = hash.length === DIGEST_CHARS ? entries.get(tokenKey(hash)) : undefined;
  if (!value) return undefined;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  const forName = bytes.toString('latin1', NAME_AT);
  return {
    hash,
    uses: bytes.readUInt16BE(0),
    expiresAt: Number(bytes.readBigUInt64BE(2)),
    forName: forName === '' ? undefined : forName,
    replace: (bytes[NAME_AT - 1]! & REPLACE) !== 0,
    observer: (bytes[NAME_AT - 1]! & OBSERVER) !== 0,
  };
}

function encodeToken({ uses, expiresAt, forName = '', replace, observer }: JoinToken): Uint8Array {
  const head = Buffer.alloc(NAME_AT);
  head.writeUInt16BE(uses, 0);
  head.writeBigUInt64BE(BigInt(expiresAt), 2);
  head[NAME_AT - 1] = (replace ? REPLACE : 0) | (observer ? OBSERVER : 0);
  return Uint8Array.from(Buffer.concat([head, Buffer.from(forName, 'latin1')]));
}

export function isExpired({ expiresAt }: JoinToken, time: number): boolean {
  return expiresAt > 0 && time >= expiresAt;
}

/** The tokens of a cluster by hash. At most JOIN_TOKENS_PER_CLUSTER_MAX, unless servers added some at once. */
export function tokensOf(cluster: Cluster): readonly JoinToken[] {
  return cluster.deriveFromEntries(indexOf).tokens;
}

/** The tokens and their uses among the entries. A cluster may have thousands of uses, so each change costs one scan. */
interface TokenIndex {
  /** By hash, ascending. */
  readonly tokens: readonly JoinToken[];
  /** Uses that have been had, by hash of the token. */
  readonly had: ReadonlyMap<string, number>;
}

function indexOf(entries: Cluster['entries']): TokenIndex {
  const hashes: string[] = [];
  const had = new Map<string, number>();
  for (const key of entries.keys()) {
    if (!key.startsWith(TOKEN)) continue;
    const hash = key.slice(TOKEN.length, TOKEN.length + DIGEST_CHARS);
    if (key.length === TOKEN.length + DIGEST_CHARS) hashes.push(hash);
    else had.set(hash, (had.get(hash) ?? 0) + 1);
  }
  return { tokens: hashes.sort().map((hash) => tokenOf({ entries }, hash)!), had };
}

function usesHad(cluster: Cluster): ReadonlyMap<string, number> {
  return cluster.deriveFromEntries(indexOf).had;
}

/**
 * The tokens with what is left of them at `time`, in milliseconds since 1970. At most JOIN_TOKENS_PER_CLUSTER_MAX, which
 * a reply has room for.
 */
export function tokenStates(cluster: Cluster, time: number): TokenState[] {
  const had = usesHad(cluster);
  const shown = tokensOf(cluster).slice(0, JOIN_TOKENS_PER_CLUSTER_MAX);
  return shown.map(({ hash, uses, expiresAt, forName, replace, observer }) => ({
    ...{ hash, uses, left: Math.max(0, uses - (had.get(hash) ?? 0)) },
    ...(expiresAt > 0 && { ttlMs: Math.max(0, expiresAt - time) }),
    ...(forName !== undefined && { forName }),
    ...(replace && { replace }),
    ...(observer && { observer }),
  }));
}

/** Changes of a cluster's entries: applied in memory at once, with the changes to store and the undo. */
export class EntryEdits implements Effect {
  readonly changes: Change[] = [];
  readonly #cluster: Cluster;
  readonly #before: (readonly [key: string, value: Uint8Array | undefined])[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  put(key: string, value: Uint8Array, conditions: Pick<EntryRecord, 'ifAbsent' | 'needs'> = {}): void {
    this.#note(key);
    this.#cluster.setEntry(key, value);
    this.changes.push({ kind: 'entry', clusterId: this.#cluster.record.id, key, value, ...conditions });
  }

  /** Does nothing if there is no such entry. */
  remove(key: string): void {
    if (!this.#cluster.entries.has(key)) return;
    this.#note(key);
    this.#cluster.deleteEntry(key);
    this.changes.push({ kind: 'entry-removal', clusterId: this.#cluster.record.id, key });
  }

  undo(): void {
    for (const [key, value] of this.#before.reverse()) {
      if (value) this.#cluster.setEntry(key, value);
      else this.#cluster.deleteEntry(key);
    }
  }

  #note(key: string): void {
    this.#before.push([key, this.#cluster.entries.get(key)]);
  }
}

/**
 * Adds tokens. A token that the cluster has already stays as it is, so a repeated request changes nothing. Expired
 * tokens make room. Returns the refusal, with nothing changed, or undefined.
 */
export function addTokens(
  cluster: Cluster,
  specs: readonly TokenSpec[],
  time: number,
  edits: EntryEdits,
): Refusal | undefined {
  const wanted = specs.map((spec) => storedForm(spec, cluster, time));
  const known = wanted.map(({ hash }) => tokenOf(cluster, hash));
  if (known.some((token, i) => token && !isSameToken(token, wanted[i]!))) return 'cluster-admits-differently';
  const added = wanted.filter((_, i) => !known[i]);
  const present = tokensOf(cluster);
  const tooMany = present.length + added.length - JOIN_TOKENS_PER_CLUSTER_MAX;
  const dropped = present.filter((token) => isExpired(token, time)).slice(0, Math.max(0, tooMany));
  if (tooMany > dropped.length) return 'too-many-join-tokens';
  const had = usesHad(cluster);
  const kept = present.filter((token) => !dropped.includes(token));
  // Each use that is left will take two entries.
  const promised = [...kept, ...added].reduce((sum, { hash, uses, observer }) => {
    return sum + (observer ? 0 : 2 * Math.max(0, uses - (had.get(hash) ?? 0)));
  }, 0);
  if (cluster.entries.size + added.length + promised > TOKEN_ENTRIES_MAX) return 'too-many-join-tokens';
  for (const { hash } of dropped) edits.remove(tokenKey(hash));
  for (const token of added) edits.put(tokenKey(token.hash), encodeToken(token), { ifAbsent: true });
  return undefined;
}

/** True if the cluster has tokens that are as these say, whatever their expiry. */
export function hasTokens(cluster: Cluster, specs: readonly TokenSpec[], time: number): boolean {
  return specs.every((spec) => {
    const known = tokenOf(cluster, spec.hash);
    return known !== undefined && isSameToken(known, storedForm(spec, cluster, time));
  });
}

function storedForm({ hash, uses, ttlMs, forName, replace, observer }: TokenSpec, cluster: Cluster, time: number) {
  return {
    hash,
    uses: uses ?? cluster.record.size,
    expiresAt: ttlMs === 0 ? 0 : time + ttlMs,
    forName,
    replace: replace === true,
    observer: observer === true,
  };
}

/** A repeated request comes later, so its expiry differs. */
function isSameToken(one: JoinToken, other: JoinToken): boolean {
  return (
    one.uses === other.uses &&
    (one.expiresAt === 0) === (other.expiresAt === 0) &&
    one.forName === other.forName &&
    one.replace === other.replace &&
    one.observer === other.observer
  );
}
