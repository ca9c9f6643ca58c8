// Rosters to keep: a signed roster body with the tokens of its members, as a file that is verified without the registry.
//
//   { "format": "xlReg saved roster 1",
//     "body": BASE64,           the body (W2)
//     "signature": BASE64,      the registry's, by sk (W3)
//     "tokens": [BASE64, …] }   a protobuf Token for each taken seat, in their order
import { hash } from 'node:crypto';
import { decodeToken, encodeRosterToken, encodeToken, longOf, type Message, type Token } from '../wire/message.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { decodeRosterBody, type RosterBody, rosterBodyDigest, verifyRosterBody } from '../wire/roster-body.ts';
import { statementBytes, statementDigest } from '../wire/statement.ts';
import { type ClusterMember, type Roster, rosterOf, seatBit } from './cluster.ts';
import { XlRegError, type XlRegErrorCode } from './errors.ts';
import { ProcessMemory } from './memory.ts';
import { memberJson, printableRoster } from './roster-json.ts';
import { RosterVerifier } from './verification.ts';

const FORMAT = 'xlReg saved roster 1';

/** Bytes of a file: 64 members with the largest keys, labels and end points take some 300,000. */
export const SAVED_ROSTER_BYTES_MAX = 512 * 1024;

/**
 * Reasons to refuse a saved roster.
 *
 * - `format`: the bytes are no saved roster.
 * - `registry`: it is of another registry, or of another cluster than the one asked for.
 * - `signature`: the registry of the credentials has not signed it.
 * - `members`: its members are not those of the signed body, or a member has not signed its entry.
 * - `older`: a later one of this cluster has been seen.
 * - `differs`: another one of the same term and epoch has been seen.
 * - `memory`: what has been seen cannot be read or written.
 */
export type SavedRosterFault = 'format' | 'registry' | 'signature' | 'members' | 'older' | 'differs' | 'memory';

const CODES: Readonly<Record<SavedRosterFault, XlRegErrorCode>> = {
  format: 'ROSTER_FORMAT',
  registry: 'ROSTER_OF_ANOTHER',
  signature: 'ROSTER_SIGNATURE',
  members: 'ROSTER_MEMBERS',
  older: 'ROSTER_OLDER',
  differs: 'ROSTER_DIFFERS',
  memory: 'ROSTER_MEMORY',
};

/** A saved roster is refused. */
export class SavedRosterError extends XlRegError {
  override readonly name = 'SavedRosterError';
  /** The reason. */
  readonly fault: SavedRosterFault;

  constructor(fault: SavedRosterFault, message: string, options?: ErrorOptions) {
    super(message, { ...options, code: CODES[fault] });
    this.fault = fault;
  }
}

/** Names a roster that has been seen. */
export interface SeenRoster {
  /** Rises with each restore of the registry (W4). */
  readonly term: number;
  /** Rises with each change of the complete cluster (Q2). */
  readonly epoch: number;
  /** SHA-256 of its body, hex. */
  readonly digest: string;
}

/** Remembers the latest roster of each cluster, so that an older one is noticed. IDs are hex. */
export interface RosterMemory {
  /** The latest roster noted; undefined if there is none. */
  latest(registryId: string, clusterId: string): Promise<SeenRoster | undefined>;
  /** Notes a roster, durably. It is the latest one unless another process has noted a later one meanwhile. */
  note(registryId: string, clusterId: string, seen: SeenRoster): Promise<void>;
}

/** A roster that its registry has signed, with members that it names. */
export interface SavedRoster extends Omit<Roster, 'epoch'>, SeenRoster {
  /** Hex ID of the registry. */
  readonly registryId: string;
  /** The cluster's name. */
  readonly cluster: string;
  /** Number of seats, 2 to 64. */
  readonly size: number;
  /** When the registry made it, on the registry's clock. */
  readonly time: Date;
  /** SHA-256 of the body before, hex; zeros if there is none. */
  readonly before: string;
  /**
   * The lower term seen before, if there is one: the registry has been restored from a backup meanwhile, and has lost
   * what it had after that.
   */
  readonly restoredFrom: SeenRoster | undefined;
}

/** Returns the file of a SavedRoster reply, unchecked. */
export function savedRosterFile({ RosterBody, RosterSignature, Tokens }: Message): Uint8Array {
  const base64 = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');
  const tokens = (Tokens ?? []).map((token) => base64(encodeToken(token)));
  const file = { format: FORMAT, body: base64(RosterBody), signature: base64(RosterSignature), tokens };
  return Buffer.from(`${JSON.stringify(file, undefined, 1)}\n`);
}

/**
 * Verifies a saved roster: the registry's signature, and that its members are those of the body, each with its own
 * statement. With `memory`, refuses one that is older than the latest of its cluster, and notes it. A higher term is
 * always accepted (W4): see restoredFrom. Makes no connection. Rejects with SavedRosterError.
 *
 * A member without a statement is not verified, but its whole token is the one that the registry signed.
 *
 * @example
 * ```ts
 * const { bytes } = await session.savedRoster('demo');
 * await writeFile('demo.roster', bytes);
 *
 * // Later, without the registry:
 * const roster = await verifySavedRoster(await readFile('demo.roster'), regCred, new RosterFolder('seen'));
 * for (const { name, endPoints } of roster.members) console.log(name, endPoints);
 * ```
 */
export async function verifySavedRoster(
  bytes: Uint8Array,
  regCred: Pick<RegCred, 'id' | 'sigKey'>,
  memory?: RosterMemory,
): Promise<SavedRoster> {
  const { body: encoded, signature, tokens } = parseFile(bytes);
  const body = decodeRosterBody(encoded);
  if (body === undefined) throw new SavedRosterError('format', 'it has no roster body');
  const registryId = hexOf(body.registryId);
  if (registryId !== hexOf(regCred.id)) {
    throw new SavedRosterError('registry', `it is of the registry ${registryId}, not of the one of the credentials`);
  }
  if (!verifyRosterBody(regCred.sigKey, encoded, signature)) {
    throw new SavedRosterError('signature', 'the registry of the credentials has not signed it');
  }
  const { term, epoch } = body;
  const [clusterId, digest] = [hexOf(body.clusterId), hexOf(rosterBodyDigest(encoded))];
  const members = await membersOf(body, tokens);
  const before = await memory?.latest(registryId, clusterId);
  if (before) assertNotOlder({ term, epoch, digest }, before);
  await memory?.note(registryId, clusterId, { term, epoch, digest });
  const roster: SavedRoster = {
    ...{ registryId, clusterId, cluster: body.name, size: body.seats.length, term, epoch, digest, members },
    ...{ time: new Date(body.time), before: hexOf(body.before) },
    restoredFrom: before && before.term < term ? before : undefined,
  };
  return printableRoster(roster, savedRosterJson);
}

/** A saved roster for JSON, as `xlreg verify` prints it. */
export function savedRosterJson({ time, restoredFrom, members, ...roster }: SavedRoster) {
  const { registryId, clusterId, cluster, size, term, epoch, digest, before } = roster;
  const signed = { registryId, clusterId, cluster, size, term, epoch, time: time.toISOString(), digest, before };
  return { ...signed, restored: restoredFrom !== undefined, members: members.map(memberJson) };
}

/** True if a roster is later than another one. */
export function isLater(one: SeenRoster, other: SeenRoster): boolean {
  return one.term > other.term || (one.term === other.term && one.epoch > other.epoch);
}

function assertNotOlder(found: SeenRoster, latest: SeenRoster): void {
  const print = ({ term, epoch }: SeenRoster) => `term ${term}, epoch ${epoch}`;
  if (isLater(latest, found)) {
    throw new SavedRosterError('older', `it is of ${print(found)}, and ${print(latest)} has been seen`);
  }
  if (!isLater(found, latest) && found.digest !== latest.digest) {
    throw new SavedRosterError('differs', `another roster of ${print(found)} has been seen: the registry signed two`);
  }
}

/** Returns the members of a body, each with its verdict. Rejects with SavedRosterError. */
async function membersOf({ registryId, clusterId, seats }: RosterBody, tokens: readonly Token[]) {
  const taken = seats.flatMap(({ kind }, index) => (kind === 'empty' ? [] : [index]));
  if (taken.length !== tokens.length) {
    throw new SavedRosterError('members', `it has ${tokens.length} tokens for ${taken.length} members`);
  }
  for (const [place, index] of taken.entries()) {
    if (!seats[index]!.digest.every((byte, at) => byte === digestOf(registryId, tokens[place]!)[at])) {
      throw new SavedRosterError('members', `the token of seat ${index} is not the one that the registry signed`);
    }
  }
  const which = taken.reduce((bits, index) => bits | seatBit(index), 0n);
  // Its own memory: what is remembered of statements says nothing about a roster of the past.
  const verifier = new RosterVerifier({ registryId, id: '', sigKey: new Uint8Array(0), memory: new ProcessMemory() });
  let members: readonly ClusterMember[];
  try {
    const reply = { ClusterID: clusterId, Which: longOf(which), Tokens: [...tokens] };
    ({ members } = await verifier.verify(rosterOf(reply, undefined, seats.length), tokens));
  } catch (error) {
    if (!(error instanceof XlRegError)) throw error;
    throw new SavedRosterError('members', 'the key of a member is invalid', { cause: error });
  }
  for (const { index, verified } of members) {
    if (verified || seats[index]!.kind === 'unstated') continue;
    throw new SavedRosterError('members', `the member of seat ${index} has not signed its entry`);
  }
  return members;
}

/** The digest that a body has for a token. A token with a statement never has that of one without, nor the reverse. */
function digestOf(registryId: Uint8Array, token: Token): Uint8Array {
  if (token.Statement?.length) return statementDigest(statementBytes(registryId, token));
  return hash('sha256', encodeRosterToken(token), 'buffer');
}

interface SavedFile {
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
  readonly tokens: readonly Token[];
}

/** Throws SavedRosterError. */
function parseFile(bytes: Uint8Array): SavedFile {
  if (bytes.length > SAVED_ROSTER_BYTES_MAX) {
    throw new SavedRosterError('format', `it has more than ${SAVED_ROSTER_BYTES_MAX} bytes`);
  }
  let file: Record<string, unknown> | null;
  try {
    file = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (error) {
    throw new SavedRosterError('format', 'it is not JSON', { cause: error });
  }
  if (file === null || typeof file !== 'object' || file.format !== FORMAT || !Array.isArray(file.tokens)) {
    throw new SavedRosterError('format', `its format is not "${FORMAT}"`);
  }
  return { body: fromBase64(file.body), signature: fromBase64(file.signature), tokens: file.tokens.map(tokenIn) };
}

/** Throws SavedRosterError unless the token is encoded as savedRosterFile() does. */
function tokenIn(text: unknown): Token {
  const bytes = fromBase64(text);
  const token = decodeToken(bytes);
  if (token === undefined || !bytes.equals(encodeToken(token))) {
    throw new SavedRosterError('format', 'a token in it is damaged');
  }
  return token;
}

/** Throws SavedRosterError unless the text is base64 in its shortest form. */
function fromBase64(text: unknown): Buffer {
  const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64');
  if (bytes.length > 0 && bytes.toString('base64') === text) return bytes;
  throw new SavedRosterError('format', 'it has a field that is not base64');
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
