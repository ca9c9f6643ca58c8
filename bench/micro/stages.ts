// The steps of the data path (stages 2 to 5), one function each, on realistic bytes of a session.
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { pooledRandom } from '../../src/pool/pooled-random.ts';
import { readSession, SESSION_RECORD_BYTES, writeSession } from '../../src/pool/session-record.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command } from '../../src/registry/command.ts';
import type { Session, SessionContext } from '../../src/session/session.ts';
import { step } from '../../src/session/step.ts';
import { decryptBlocks, encryptBlocks } from '../../src/wire/aes-cbc.ts';
import { DIALECTS } from '../../src/wire/dialects.ts';
import { openHello, sealHello } from '../../src/wire/hello.ts';
import { IvHistory } from '../../src/wire/iv-history.ts';
import { checkToken } from '../../src/wire/member-token.ts';
import { decodeMessage, encodeMessage, encodeRosterToken, longOf, type Message, Op } from '../../src/wire/message.ts';
import { findMessage } from '../../src/wire/message-structure.ts';
import { exportSpki, importPublicKey, modulusOf, parseSpki } from '../../src/wire/rsa-key.ts';
import { signTokens } from '../load/members.ts';

/** One step of the data path; `run` executes it once. */
export interface Stage {
  readonly label: string;
  run(): unknown;
}

const MEMBERS = 64;
const CLUSTER_ID = 'cc'.repeat(32);
const NO_LIMITS = {
  ...{ clients: Infinity, clusters: Infinity, clustersPerClient: Infinity, seatsPerClient: Infinity },
  ...{ ephemeralTtlMs: Infinity, idleRegistrationTtlMs: Infinity, emptyClusterTtlMs: Infinity },
};
const IV_BYTES = 16;
/** A small message, including padding. */
const SMALL_MESSAGE_BYTES = 80;

/** All steps, in the order of the data path. */
export function stages(): readonly Stage[] {
  return [...helloStages(), ...keyStages(), ...cipherStages(), ...messageStages(), ...rosterStages(), ...tableStages()];
}

function helloStages(): Stage[] {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const random = pooledRandom();
  const hello = {
    dialect: 'prefixed',
    iv1: undefined,
    key1: randomBytes(32),
    salt1: randomBytes(8),
    version1: 1,
  } as const;
  const bytes = sealHello(publicKey, hello);
  const modulus = modulusOf(privateKey);
  return [
    { label: 'Hello: RSA decrypt and parse', run: () => openHello(privateKey, modulus, bytes) },
    { label: 'Hello: seal the reply', run: () => DIALECTS.prefixed.sealHelloReply(hello, 1, random) },
  ];
}

function keyStages(): Stage[] {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const spki = exportSpki(publicKey);
  const parts = parseSpki(spki)!;
  const [token] = signTokens(1);
  return [
    { label: 'key: check an SPKI strictly', run: () => parseSpki(spki) },
    { label: 'key: import its PKCS#1 part', run: () => importPublicKey(parts) },
    { label: 'key: import the SPKI', run: () => createPublicKey({ key: spki, format: 'der', type: 'spki' }) },
    { label: 'token: all checks, including import and verify', run: () => checkToken(token!) },
  ];
}

function cipherStages(): Stage[] {
  const [key, iv, message, roster] = [
    randomBytes(32),
    randomBytes(16),
    randomBytes(SMALL_MESSAGE_BYTES),
    randomBytes(42_000),
  ];
  const random = pooledRandom();
  const ivs = new IvHistory(randomBytes);
  return [
    { label: `AES: decrypt ${SMALL_MESSAGE_BYTES} bytes`, run: () => decryptBlocks(key, iv, message) },
    { label: `AES: encrypt ${SMALL_MESSAGE_BYTES} bytes`, run: () => encryptBlocks(key, iv, message) },
    { label: 'AES: encrypt 42,000 bytes', run: () => encryptBlocks(key, iv, roster) },
    { label: 'IV: 16 pooled random bytes', run: () => random(IV_BYTES) },
    { label: 'IV: add one that is already in the history', run: () => ivs.add(iv) },
  ];
}

function messageStages(): Stage[] {
  const [token] = signTokens(1);
  const client = encodeMessage({ Op: Op.Client, ClientSpecs: token! });
  const join = encodeMessage({ Op: Op.Join, ClusterName: 'cluster-of-somebody' });
  const [clientPlain, joinPlain] = [framed([client]), framed([join])];
  const three = framed([join, join, join]);
  const session = identified();
  const record = Buffer.alloc(SESSION_RECORD_BYTES);
  writeSession(session, record, 0);
  const message = decodeMessage(join)!;
  return [
    { label: 'structure: find a Client', run: () => findMessage(clientPlain, IV_BYTES) },
    { label: 'structure: find a Join', run: () => findMessage(joinPlain, IV_BYTES) },
    { label: 'frames: split three Joins received together', run: () => splitAll(three) },
    { label: 'decode: a Client', run: () => decodeMessage(client) },
    { label: 'decode: a Join', run: () => decodeMessage(join) },
    { label: 'session record: read', run: () => readSession(record) },
    { label: 'session record: write', run: () => writeSession(session, record, 0) },
    { label: 'session: step of a Join', run: () => step(session, Op.Join, message, CONTEXT) },
    {
      label: 'encode: a JoinReply',
      run: () =>
        encodeMessage({ Op: Op.JoinReply, ClusterID: ID, ClusterSize: 8, ClusterAttrs: longOf(0n), EndPointCount: 1 }),
    },
  ];
}

function rosterStages(): Stage[] {
  const tokens = signTokens(MEMBERS, { withIds: true });
  const pieces = tokens.map(encodeRosterToken);
  const head: Message = { Op: Op.ClusterMembers, ClusterID: ID, Which: longOf((1n << 64n) - 1n) };
  return [
    { label: 'roster of 64: spliced from encoded tokens', run: () => Buffer.concat([encodeMessage(head), ...pieces]) },
    { label: 'roster of 64: encoded anew', run: () => encodeMessage({ ...head, Tokens: tokens }) },
    { label: 'roster: encode one token', run: () => encodeRosterToken(tokens[0]!) },
  ];
}

function tableStages(): Stage[] {
  const table = new ClusterTable('ee'.repeat(32), NO_LIMITS, 0);
  const tokens = signTokens(MEMBERS, { withIds: true });
  const attrs = 0n;
  const shape = { size: MEMBERS, endPointCount: 1, attrs };
  table.apply({ kind: 'create', clientId: '', name: 'full', id: CLUSTER_ID, ...shape }, 0);
  const ids = tokens.map(({ ID }) => Buffer.from(ID!).toString('hex'));
  for (const [i, token] of tokens.entries()) {
    const registration = { clientId: ids[i]!, name: token.Name!, token: encodeRosterToken(token) };
    table.apply(
      { kind: 'register', ...registration, sigKeyDigest: 'dd'.repeat(32), endPointCount: 1, ephemeral: false },
      0,
    );
    table.apply({ kind: 'join', clientId: ids[i]!, cluster: { name: 'full' } }, 0);
  }
  const clientId = ids.at(-1)!;
  const join: Command = { kind: 'join', clientId, cluster: { name: 'full' } };
  const fetch: Command = {
    kind: 'get-cluster',
    clientId,
    cluster: { name: 'full' },
    which: (1n << 64n) - 1n,
    cursor: undefined,
    rosterBytesMax: 256 * 1_024,
  };
  return [
    { label: 'table: join again as the last of 64', run: () => table.apply(join, 0) },
    { label: 'table: roster of 64', run: () => table.apply(fetch, 0) },
  ];
}

const ID = Buffer.alloc(32, 7);

const CONTEXT: SessionContext = {
  ...{ registryToken: {}, version: 1, random: pooledRandom(), now: Date.now },
  ...{ rosterBytesMax: 10_000, maxWaitMs: 0 },
};

function identified(): Session {
  const empty = new Uint8Array(0);
  return {
    state: 'identified',
    keys: { dialect: 'prefixed', key2: randomBytes(32), receiveChain: empty, sendChain: empty },
    clientId: 'aa'.repeat(32),
    createdId: undefined,
    clusterId: CLUSTER_ID,
    rosterId: undefined,
    rosterFrom: 0,
  };
}

/** Messages as decrypted: padded, each behind the random block that its IV decrypts to. */
function framed(messages: readonly Uint8Array[]): Buffer {
  const frames = messages.map((message) => {
    const padding = 16 - (message.length % 16);
    return Buffer.concat([randomBytes(IV_BYTES), message, Buffer.alloc(padding, padding)]);
  });
  return Buffer.concat(frames);
}

function splitAll(plain: Buffer): number {
  let count = 0;
  for (let rest = plain; rest.length > 0; count++) rest = rest.subarray(findMessage(rest, IV_BYTES)!.paddedEnd);
  return count;
}
