// The members of a load, all with one key pair. Everything that can be signed beforehand is, before any clock starts.
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { ID_BYTES, SEAL_KEY_BYTES } from '../../src/limits.ts';
import { signToken } from '../../src/wire/member-token.ts';
import type { Token } from '../../src/wire/message.ts';
import { signPss } from '../../src/wire/pss.ts';
import { exportSpki } from '../../src/wire/rsa-key.ts';
import { clientProof, signStatement, statementBytes, statementDigest } from '../../src/wire/statement.ts';
import type { LoadMember, Registry } from './exchange.ts';

/** The members of a load, by the number of a unit of work. */
export interface Members {
  /** Signs what the units from `first` need. Called before the clock of each run starts. */
  prepare(first: number, count: number): void;
  at(unit: number): LoadMember;
}

/** Distinct tokens; a multiple of every cluster size. A registry does no less work for a token it has seen before. */
export const TOKENS = 256;

/** Makes members. `returning` ones come back under their IDs with the same bytes; others are new in each unit. */
export function membersOf({ dialect, regCred }: Registry, { returning = false } = {}): Members {
  if (dialect !== 'sealed') {
    const tokens = signTokens(TOKENS, { withIds: returning });
    return { prepare() {}, at: (unit) => ({ token: tokens[unit % TOKENS]! }) };
  }
  const { privateKey, spki } = keyPair();
  const sign = (place: number) => sealedMember(regCred.id, privateKey, unsignedToken(spki, place));
  if (returning) {
    const members = Array.from({ length: TOKENS }, (_, place) => sign(place));
    return { prepare() {}, at: (unit) => members[unit % TOKENS]! };
  }
  // A token has an ID in this dialect, and its statement covers the ID. So each new member has its own statement.
  let firstUnit = 0;
  let members: readonly LoadMember[] = [];
  return {
    prepare(first, count) {
      firstUnit = first;
      members = Array.from({ length: count }, (_, place) => sign((first + place) % TOKENS));
    },
    at: (unit) => members[unit - firstUnit]!,
  };
}

/** Signs tokens of the old dialects. With IDs, the registry recognizes returning members. */
export function signTokens(count: number, { withIds = false } = {}): Token[] {
  const { privateKey, spki } = keyPair();
  return Array.from({ length: count }, (_, place) => {
    const token = unsignedToken(spki, place);
    if (withIds) token.ID = randomBytes(ID_BYTES);
    return signToken(token, privateKey);
  });
}

function sealedMember(registryId: Uint8Array, sigKey: KeyObject, unsigned: Token): LoadMember {
  const whole = { ...unsigned, ID: randomBytes(ID_BYTES), SealKey: randomBytes(SEAL_KEY_BYTES) };
  const token = signStatement(registryId, whole, Date.now(), sigKey);
  const digest = statementDigest(statementBytes(registryId, token));
  return { token, prove: (handshakeHash) => signPss(sigKey, clientProof(handshakeHash, digest)) };
}

/** Tokens are named m0, m1 …, each with one end point. */
function unsignedToken(spki: Uint8Array, place: number): Token {
  return { Name: `m${place}`, CommsKey: spki, SigKey: spki, MyEnds: [`127.0.0.1:${10_000 + place}`] };
}

function keyPair(): { privateKey: KeyObject; spki: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { privateKey, spki: exportSpki(publicKey) };
}
