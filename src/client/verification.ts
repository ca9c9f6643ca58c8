// Checks the statements in rosters against the registry itself: what the holder of each key has signed, and what this
// client has seen before. SECURITY.md says what a lying registry can still do.
import { hash } from 'node:crypto';
import { SEAL_KEY_BYTES, SEALED_RSA_BITS_MIN, TOKEN_END_POINTS_MAX } from '../limits.ts';
import { parseLabels } from '../wire/labels.ts';
import { isEndPoint } from '../wire/member-token.ts';
import type { Token } from '../wire/message.ts';
import { isName } from '../wire/name.ts';
import { verifyAllPss } from '../wire/pss.ts';
import { parseSpki } from '../wire/rsa-key.ts';
import { certifiedId, seqOf, statementBytes, statementDigest } from '../wire/statement.ts';
import { type Roster, repeatedAmong, type UnverifiedReason } from './cluster.ts';
import {
  type ClusterMemory,
  type MemberMemory,
  type RegistryMemory,
  SEEN_MEMBERS_MAX,
  type SeenMember,
} from './memory.ts';

/** The client that verifies. */
export interface Verifier {
  readonly registryId: Uint8Array;
  /** Hex. */
  readonly id: string;
  /** SubjectPublicKeyInfo of its signature key. */
  readonly sigKey: Uint8Array;
  readonly memory: MemberMemory;
}

/** A statement that its key has signed. */
interface Signed extends SeenMember {
  readonly labels: ReadonlyMap<string, string>;
  /** It is older than one that was seen in a lower term. */
  readonly restored?: true;
}

/** Signatures that were verified, so that a repeated poll costs no RSA operation. */
const VERIFIED_MAX = SEEN_MEMBERS_MAX;

/** Verifies the rosters of one session. */
export class RosterVerifier {
  readonly #self: Verifier;
  readonly #registryId: string;
  readonly #ownKey: string;
  /** Digests of a signature and its statement, which contains the key. BOUNDED: VERIFIED_MAX. */
  readonly #verified = new Set<string>();

  constructor(self: Verifier) {
    this.#self = self;
    this.#registryId = Buffer.from(self.registryId).toString('hex');
    this.#ownKey = sha256(self.sigKey);
  }

  /**
   * Returns the roster with a verdict on each member. `tokens` are those of its members, in the same order. The newest
   * statements are remembered when this resolves.
   */
  async verify(roster: Roster, tokens: readonly Token[]): Promise<Roster> {
    if (tokens.length === 0) return roster;
    const { memory } = this.#self;
    const [cluster, registry] = await Promise.all([
      memory.cluster(this.#registryId, roster.clusterId),
      memory.registry(this.#registryId),
    ]);
    const seen = new Map(cluster.seen);
    const restored = new Set(cluster.restored);
    const repeated = repeatedAmong(roster.members);
    const members = roster.members.map((member, place) => {
      const found = repeated.has(member) ? 'conflict' : this.#judge(member.id, tokens[place]!, cluster, registry);
      if (typeof found === 'string') return { ...member, unverified: found };
      const stated = { ...member, verified: true, unverified: undefined, ...statedIn(tokens[place]!, found) };
      if (found.restored) return { ...stated, restored: true };
      restored.delete(member.id);
      remember(seen, member.id, found);
      return stated;
    });
    const news = [...seen].some(([id, { seq, digest }]) => {
      const before = cluster.seen.get(id);
      return before?.seq !== seq || before.digest !== digest;
    });
    if (news || restored.size !== (cluster.restored?.size ?? 0)) {
      await memory.saveCluster(this.#registryId, roster.clusterId, { ...cluster, seen, restored });
    }
    return { ...roster, members };
  }

  /** Remembers the own seq that a JoinReply has acknowledged. */
  async acknowledge(clusterId: string, seq: number): Promise<void> {
    const { memory } = this.#self;
    const cluster = await memory.cluster(this.#registryId, clusterId);
    if (cluster.acknowledged >= seq) return;
    await memory.saveCluster(this.#registryId, clusterId, { ...cluster, acknowledged: seq });
  }

  /**
   * Remembers the term of a saved roster. Above the one before, the registry was restored from a backup (W4): until they
   * return, the members seen so far may have older statements.
   */
  async learnTerm(clusterId: string, term: number): Promise<void> {
    const { memory, id } = this.#self;
    const cluster = await memory.cluster(this.#registryId, clusterId);
    if (cluster.term !== undefined && cluster.term >= term) return;
    const restored = cluster.term === undefined ? cluster.restored : new Set([...cluster.seen.keys(), id]);
    await memory.saveCluster(this.#registryId, clusterId, { ...cluster, term, restored });
  }

  #judge(id: string, token: Token, cluster: ClusterMemory, registry: RegistryMemory): Signed | UnverifiedReason {
    const { seen, restored } = cluster;
    const key = sha256(token.SigKey!);
    const isOwn = id === this.#self.id;
    const known = seen.get(id);
    if (!token.Statement?.length) {
      const had = known !== undefined || (isOwn && cluster.acknowledged > 0);
      return had || [...seen.values()].some(({ sigKey }) => sigKey === key) ? 'stripped' : 'none';
    }
    const signed = this.#signedIn(token, key);
    if (signed === undefined) return 'bad';
    if (isOwn && key !== this.#ownKey) return 'key-changed';
    const isCertified = id === certifiedId(token.SigKey!).toString('hex');
    if (!isCertified && known !== undefined && known.sigKey !== key) return 'key-changed';
    const fault = isOwn ? ownFault(signed, cluster, registry) : undefined;
    const mayBeOlder = restored?.has(id) ? { ...signed, restored: true as const } : 'older';
    if (fault !== undefined) return fault === 'older' ? mayBeOlder : fault;
    if (known === undefined || known.sigKey !== key) return signed;
    if (signed.seq < known.seq) return mayBeOlder;
    return signed.seq === known.seq && signed.digest !== known.digest ? 'conflict' : signed;
  }

  /** Returns the statement of a token; undefined if a field breaks its rule or the signature is not by its SigKey. */
  #signedIn(token: Token, sigKey: string): Signed | undefined {
    const seq = seqOf(token);
    const labels = parseLabels(token.Labels ?? '');
    if (seq === undefined || labels === undefined || !hasSoundFields(token)) return undefined;
    const bytes = statementBytes(this.#self.registryId, token);
    const digest = statementDigest(bytes).toString('hex');
    const name = digest + sha256(token.Statement!);
    if (!this.#verified.has(name)) {
      if (!verifyAllPss(parseSpki(token.SigKey!)!, [{ bytes, signature: token.Statement }])) return undefined;
      if (this.#verified.size >= VERIFIED_MAX) this.#verified.clear();
      this.#verified.add(name);
    }
    return { seq, digest, sigKey, labels };
  }
}

/** The fault of an own entry: older than the acknowledged statement, or never signed by this home. */
function ownFault({ seq, digest }: Signed, cluster: ClusterMemory, { signed }: RegistryMemory) {
  const oldest = signed[0]?.seq ?? 0;
  // Statements below the oldest one kept cannot be told from others'; they are older than what was acknowledged.
  if (seq < cluster.acknowledged || seq < oldest) return 'older';
  return signed.some((own) => own.seq === seq && own.digest === digest) ? undefined : 'conflict';
}

/** True if name, end points, keys and SealKey satisfy T2, T4, T5 and the dialect's own rules. */
function hasSoundFields({ Name, SigKey, CommsKey, MyEnds, SealKey }: Token): boolean {
  const ends = MyEnds ?? [];
  if (!isName(Name) || ends.length > TOKEN_END_POINTS_MAX || !ends.every(isEndPoint)) return false;
  if (SealKey?.length && SealKey.length !== SEAL_KEY_BYTES) return false;
  const sigKey = parseSpki(SigKey!);
  return sigKey !== undefined && sigKey.modulus.length * 8 >= SEALED_RSA_BITS_MIN && parseSpki(CommsKey!) !== undefined;
}

/** Returns the fields that a verified token has besides its old ones. A SealKey of zeros takes no streams, as an absent one. */
function statedIn({ SealKey }: Token, { seq, labels }: Signed) {
  const sealKey = SealKey?.some((byte) => byte !== 0) ? Uint8Array.from(SealKey) : undefined;
  return { seq, labels: Object.fromEntries(labels), ...(sealKey && { sealKey }) };
}

/** Makes an entry the most recent one. Forgets the one changed longest ago beyond the bound. */
function remember(seen: Map<string, SeenMember>, id: string, { seq, digest, sigKey }: SeenMember): void {
  const before = seen.get(id);
  if (before?.seq === seq && before.digest === digest) return;
  seen.delete(id);
  seen.set(id, { seq, digest, sigKey });
  if (seen.size > SEEN_MEMBERS_MAX) seen.delete(seen.keys().next().value!);
}

function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}
