// Rosters, and the verdict on each member. The rules are those of src/client/verification.ts, without Node.

import { ProtocolError } from '../client/errors.ts';
import { seatIndexes } from '../client/seats.ts';
import { TOKEN_END_POINTS_MAX } from '../limits.ts';
import { parseLabels } from '../wire/labels.ts';
import { isName } from '../wire/name.ts';
import { type Bytes, hex, sha256 } from './bytes.ts';
import type { Member } from './member.ts';
import type { Reply, Token } from './messages.ts';
import { importSigKey, verifyPss } from './rsa.ts';
import { certifiedId, SEQ_MAX, statementBytes } from './statement.ts';
import type { OwnStatement, SeenCluster, SeenMember } from './store.ts';

/** Members of a cluster whose newest statement is remembered. */
const SEEN_MEMBERS_MAX = 256;

/** Reasons why an entry is not verified; all but `none` are errors. */
export type UnverifiedReason = 'none' | 'bad' | 'older' | 'conflict' | 'key-changed' | 'stripped';

/** A member of a cluster. */
export interface ClusterMember {
  /** Seat: 0, 1, 2 … in the order of joining. */
  readonly index: number;
  /** The member's name. */
  readonly name: string;
  /** Hex. */
  readonly id: string;
  /** `host:port` each. */
  readonly endPoints: readonly string[];
  /** SubjectPublicKeyInfo. */
  readonly sigKey: Bytes;
  /** SubjectPublicKeyInfo of the key for encryption. */
  readonly commsKey: Bytes;
  /** True if the holder of sigKey has signed what is shown, for this registry, and nothing newer was seen. */
  readonly verified: boolean;
  /** The reason if it is not verified. */
  readonly unverified?: UnverifiedReason | undefined;
  /** Rises with each statement of the member. Undefined unless verified, as are labels. */
  readonly seq?: bigint | undefined;
  /** Labels, if it is verified. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** The members of a cluster, by ascending index. */
export interface Roster {
  /** Hex. */
  readonly clusterId: string;
  /** Seats; undefined if the registry does not tell. */
  readonly size: number | undefined;
  /** True if each seat is taken. */
  readonly full: boolean;
  /** True if the cluster is complete, and stays so: each member has confirmed since the last seat was taken. */
  readonly complete: boolean;
  /** By ascending index. */
  readonly members: readonly ClusterMember[];
  /** 0 until the cluster is complete; undefined if the registry does not tell, as for the next three. */
  readonly epoch: number | undefined;
  /** True while the members of the full cluster confirm. */
  readonly confirming: boolean;
  /** Bit i is set if the member with index i has confirmed. */
  readonly confirmed: bigint | undefined;
  /** The own seat, or from 64 on why there is none: never had, expired, left, evicted, replaced. */
  readonly yourSeat: number | undefined;
}

/** The parts of a ClusterMembers reply, or of several, that make a roster. */
export type RosterReply = Pick<
  Reply,
  'clusterId' | 'clusterSize' | 'which' | 'tokens' | 'epoch' | 'round' | 'confirmed' | 'yourSeat'
>;

interface Signed extends SeenMember {
  readonly labels: Readonly<Record<string, string>>;
}

/** Verifies the rosters that a member reads at one registry. */
export class RosterVerifier {
  readonly #member: Member;
  readonly #registryId: Bytes;
  readonly #registryKey: string;

  constructor(member: Member, registryId: Bytes, registryKey: string) {
    this.#member = member;
    this.#registryId = registryId;
    this.#registryKey = registryKey;
  }

  /** Turns a reply into a roster, and remembers the newest statements before it resolves. */
  async roster(reply: RosterReply): Promise<Roster> {
    const clusterId = hex(reply.clusterId ?? new Uint8Array(0));
    const indexes = seatIndexes(reply.which ?? 0n);
    if (indexes.length !== reply.tokens.length) throw new ProtocolError('a roster has another number of members');
    const cluster = await this.#cluster(clusterId);
    const seen = new Map(cluster.seen);
    const members: ClusterMember[] = [];
    for (const [place, token] of reply.tokens.entries()) {
      const verdict = repeats(reply.tokens, token) ? 'conflict' : await this.#judge(token, cluster);
      members.push(memberOf(indexes[place]!, token, verdict));
      if (typeof verdict !== 'string') remember(seen, hex(token.id), verdict);
    }
    await this.#save(clusterId, { ...cluster, seen });
    return { clusterId, members, ...progressOf(reply) };
  }

  /** Remembers the own seq that a JoinReply has acknowledged. */
  async acknowledge(clusterId: string, seq: bigint): Promise<void> {
    const cluster = await this.#cluster(clusterId);
    if (cluster.acknowledged < seq) await this.#save(clusterId, { ...cluster, acknowledged: seq });
  }

  async #judge(token: Token, cluster: SeenCluster): Promise<Signed | UnverifiedReason> {
    const { seen, acknowledged } = cluster;
    const id = hex(token.id);
    const key = hex(await sha256(token.sigKey));
    const isOwn = id === hex(this.#member.id);
    const known = seen.get(id);
    if (token.statement.length === 0) {
      const had = known !== undefined || (isOwn && acknowledged > 0n);
      return had || [...seen.values()].some(({ sigKey }) => sigKey === key) ? 'stripped' : 'none';
    }
    const signed = await this.#signedIn(token, key);
    if (signed === undefined) return 'bad';
    const isCertified = id === hex(await certifiedId(token.sigKey));
    if (!isCertified && known !== undefined && known.sigKey !== key) return 'key-changed';
    if (isOwn && signed.seq < acknowledged) return 'older';
    if (isOwn && !(await this.#isOwnStatement(signed, token))) return 'conflict';
    if (known === undefined || known.sigKey !== key) return signed;
    if (signed.seq < known.seq) return 'older';
    return signed.seq === known.seq && signed.digest !== known.digest ? 'conflict' : signed;
  }

  async #signedIn(token: Token, sigKey: string): Promise<Signed | undefined> {
    const labels = parseLabels(token.labels);
    const sealKeyFits = token.sealKey.length === 0 || token.sealKey.length === 32;
    if (labels === undefined || !sealKeyFits || !isName(token.name) || token.endPoints.length > TOKEN_END_POINTS_MAX)
      return undefined;
    if (token.seq < 1n || token.seq > SEQ_MAX) return undefined;
    const key = await importSigKey(token.sigKey);
    const bytes = statementBytes(this.#registryId, token);
    if (key === undefined || !(await verifyPss(key, bytes, token.statement))) return undefined;
    return { seq: token.seq, digest: hex(await sha256(bytes)), sigKey, labels: Object.fromEntries(labels) };
  }

  /** An own entry is the last statement or an earlier one: a higher seq was never signed here. */
  async #isOwnStatement({ seq }: Signed, token: Token): Promise<boolean> {
    const last = (await this.#member.store.get(this.#registryKey)) as OwnStatement | undefined;
    if (last === undefined || seq > last.seq) return false;
    return seq < last.seq || hex(last.statement) === hex(token.statement);
  }

  async #cluster(clusterId: string): Promise<SeenCluster> {
    const kept = (await this.#member.store.get(`${this.#registryKey}/${clusterId}`)) as SeenCluster | undefined;
    return kept ?? { acknowledged: 0n, seen: new Map() };
  }

  async #save(clusterId: string, cluster: SeenCluster): Promise<void> {
    await this.#member.store.set(`${this.#registryKey}/${clusterId}`, cluster);
  }
}

function progressOf({ clusterSize: size, tokens, epoch, round, confirmed, yourSeat }: RosterReply) {
  const full = size !== undefined && tokens.length === size;
  const complete = epoch === undefined ? full : epoch > 0n;
  const told = epoch === undefined ? undefined : Number(epoch);
  return { size, full, complete, epoch: told, confirming: round !== undefined, confirmed, yourSeat };
}

/** True if another token has the same ID or name. */
function repeats(tokens: readonly Token[], token: Token): boolean {
  return tokens.some((other) => other !== token && (other.name === token.name || hex(other.id) === hex(token.id)));
}

function memberOf(index: number, token: Token, verdict: Signed | UnverifiedReason): ClusterMember {
  const { name, endPoints, sigKey, commsKey } = token;
  const shown = { index, name, id: hex(token.id), endPoints, sigKey, commsKey };
  if (typeof verdict === 'string') return { ...shown, verified: false, unverified: verdict };
  return { ...shown, verified: true, seq: verdict.seq, labels: verdict.labels };
}

function remember(seen: Map<string, SeenMember>, id: string, { seq, digest, sigKey }: SeenMember): void {
  seen.delete(id);
  seen.set(id, { seq, digest, sigKey });
  if (seen.size > SEEN_MEMBERS_MAX) seen.delete(seen.keys().next().value!);
}
