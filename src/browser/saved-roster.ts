// Rosters to keep (W2 to W5): the file of a signed roster, and its check without the registry. The file is that of
// src/client/saved-roster.ts.

import { XlRegError, type XlRegErrorCode } from '../client/errors.ts';
import { CLUSTER_SIZE_MAX } from '../limits.ts';
import { type Bytes, concat, hex, sameBytes, sha256, utf8, viewOf } from './bytes.ts';
import { decodeToken, type Reply, type Token, tokenField } from './messages.ts';
import type { RegCred } from './reg-cred.ts';
import { importSigKey, verifyPss } from './rsa.ts';
import { statementBytes } from './statement.ts';
import type { MemberStore } from './store.ts';

const FORMAT = 'xlReg saved roster 1';
const FILE_BYTES_MAX = 512 * 1024;
const BODY_PREFIX = utf8('xlReg roster body 1\0');
const SIGNED_PREFIX = utf8('xlReg roster 1\0');
/** Kinds of seats in a body. */
const [EMPTY, STATED, UNSTATED] = [0, 1, 2];
const DIGEST_BYTES = 32;

/** A saved roster is refused. The message says why. */
export class SavedRosterError extends XlRegError {
  override readonly name = 'SavedRosterError';

  constructor(code: Extract<XlRegErrorCode, `ROSTER_${string}`>, message: string, options?: ErrorOptions) {
    super(message, { ...options, code });
  }
}

/** A roster that its registry has signed. */
export interface SavedRoster {
  /** Hex. */
  readonly clusterId: string;
  /** The cluster's name. */
  readonly cluster: string;
  /** Number of seats, 2 to 64. */
  readonly size: number;
  /** Rises with each restore of the registry (W4). */
  readonly term: number;
  /** Rises with each change of the complete cluster (Q2). */
  readonly epoch: number;
  /** When the registry made it, on the registry's clock. */
  readonly time: Date;
  /** By ascending index. Without a statement the registry alone vouches for the entry. */
  readonly members: readonly { readonly index: number; readonly token: Token; readonly stated: boolean }[];
  /** True if a lower term was seen: the registry has been restored from a backup meanwhile. */
  readonly restored: boolean;
}

/** The latest roster seen of a cluster. */
interface SeenRoster {
  readonly term: number;
  readonly epoch: number;
  /** SHA-256 of its body, hex. */
  readonly digest: string;
}

/** The file of a SavedRoster reply, unchecked. */
export function savedRosterFile({ rosterBody, rosterSignature, tokenBytes }: Reply): Bytes {
  const [body, signature] = [toBase64(rosterBody), toBase64(rosterSignature)];
  return utf8(
    `${JSON.stringify({ format: FORMAT, body, signature, tokens: tokenBytes.map(toBase64) }, undefined, 1)}\n`,
  );
}

/**
 * Verifies a saved roster: the registry's signature, and that its members are those of the body, each with its own
 * statement. With `store`, refuses one that is older than the latest seen of its cluster, or another one of the same epoch,
 * and notes it; a higher term is always accepted (W4). Makes no connection. Rejects with SavedRosterError.
 *
 * @example
 * ```ts
 * const file = new Uint8Array(await (await fetch('/demo.roster')).arrayBuffer());
 * const roster = await verifySavedRoster(file, regCred);
 * for (const { token } of roster.members) console.log(token.name, token.endPoints);
 * ```
 */
export async function verifySavedRoster(file: Bytes, registry: RegCred, store?: MemberStore): Promise<SavedRoster> {
  const { body, signature, tokens } = parseFile(file);
  const { seats, registryId, ...fields } = parseBody(body);
  if (!sameBytes(registryId, registry.id)) throw new SavedRosterError('ROSTER_OF_ANOTHER', 'it is of another registry');
  const digest = await sha256(body);
  if (!(await verifyPss(registry.sigKey, concat(SIGNED_PREFIX, digest), signature))) {
    throw new SavedRosterError('ROSTER_SIGNATURE', 'the registry of the credentials has not signed it');
  }
  const taken = [...seats.entries()].filter(([, { kind }]) => kind !== EMPTY);
  if (taken.length !== tokens.length) throw new SavedRosterError('ROSTER_MEMBERS', 'it has another number of members');
  const members = await Promise.all(
    taken.map(async ([index, seat], place) => ({ index, ...(await memberOf(registry, seat, tokens[place]!)) })),
  );
  const before = await note(store, registry, { ...fields, digest: hex(digest) });
  return { ...fields, size: seats.length, members, restored: before !== undefined && before.term < fields.term };
}

interface Seat {
  readonly kind: number;
  readonly digest: Bytes;
}

async function memberOf(registry: RegCred, { kind, digest }: Seat, bytes: Bytes) {
  const token = decoded(bytes);
  const stated = token.statement.length > 0;
  const signed = stated ? statementBytes(registry.id, token) : tokenField(bytes);
  if (kind !== (stated ? STATED : UNSTATED) || !sameBytes(digest, await sha256(signed))) {
    throw new SavedRosterError('ROSTER_MEMBERS', 'a member is not the one that the registry signed');
  }
  const key = stated ? await importSigKey(token.sigKey) : undefined;
  if (stated && !(key && (await verifyPss(key, signed, token.statement)))) {
    throw new SavedRosterError('ROSTER_MEMBERS', 'a member has not signed its entry');
  }
  return { token, stated };
}

function decoded(bytes: Bytes): Token {
  try {
    return decodeToken(bytes);
  } catch (cause) {
    throw new SavedRosterError('ROSTER_FORMAT', 'a token in it is damaged', { cause });
  }
}

/** Notes a roster, and returns the latest one seen before. */
async function note(
  store: MemberStore | undefined,
  registry: RegCred,
  { clusterId, term, epoch, digest }: SeenRoster & { readonly clusterId: string },
): Promise<SeenRoster | undefined> {
  const key = `roster/${hex(registry.id)}/${clusterId}`;
  const before = (await store?.get(key)) as SeenRoster | undefined;
  if (before && (before.term === term ? epoch < before.epoch : term < before.term)) {
    throw new SavedRosterError(
      'ROSTER_OLDER',
      `it is of epoch ${epoch}, and ${before.epoch} has been seen (terms ${term}, ${before.term})`,
    );
  }
  if (before && before.term === term && before.epoch === epoch && before.digest !== digest) {
    throw new SavedRosterError(
      'ROSTER_DIFFERS',
      `another roster of epoch ${epoch} has been seen: the registry signed two`,
    );
  }
  await store?.set(key, { term, epoch, digest } satisfies SeenRoster);
  return before;
}

/** Throws SavedRosterError. */
function parseBody(body: Bytes) {
  let at = 0;
  const take = (count: number): Bytes => {
    if (count > body.length - at) throw new SavedRosterError('ROSTER_FORMAT', 'it has no roster body');
    at += count;
    return body.subarray(at - count, at);
  };
  const field = () => take(viewOf(take(2)).getUint16(0));
  const number = () => Number(viewOf(take(8)).getBigUint64(0));
  const prefix = take(BODY_PREFIX.length);
  const [registryId, clusterId, name] = [field(), field(), field()];
  const size = take(1)[0]!;
  const [term, epoch, time] = [number(), number(), number()];
  take(DIGEST_BYTES);
  const seats: Seat[] = Array.from({ length: size }, () => ({ kind: take(1)[0]!, digest: take(DIGEST_BYTES) }));
  const isBody = sameBytes(prefix, BODY_PREFIX) && at === body.length && size <= CLUSTER_SIZE_MAX;
  if (!isBody || ![term, epoch, time].every(Number.isSafeInteger) || seats.some(({ kind }) => kind > UNSTATED)) {
    throw new SavedRosterError('ROSTER_FORMAT', 'it has no roster body');
  }
  const cluster = new TextDecoder().decode(name);
  return { registryId, clusterId: hex(clusterId), cluster, term, epoch, time: new Date(time), seats };
}

/** Throws SavedRosterError. */
function parseFile(bytes: Bytes) {
  if (bytes.length > FILE_BYTES_MAX)
    throw new SavedRosterError('ROSTER_FORMAT', `it has more than ${FILE_BYTES_MAX} bytes`);
  try {
    const file = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Record<string, unknown>;
    if (file.format !== FORMAT || !Array.isArray(file.tokens) || file.tokens.length > CLUSTER_SIZE_MAX) {
      throw new TypeError(`its format is not "${FORMAT}"`);
    }
    return { body: ofBase64(file.body), signature: ofBase64(file.signature), tokens: file.tokens.map(ofBase64) };
  } catch (cause) {
    throw new SavedRosterError('ROSTER_FORMAT', 'it is no saved roster', { cause });
  }
}

function toBase64(bytes: Bytes | undefined): string {
  return btoa(Array.from(bytes ?? [], (byte) => String.fromCharCode(byte)).join(''));
}

function ofBase64(text: unknown): Bytes {
  if (typeof text !== 'string') throw new TypeError('base64 is a text');
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
