// The vectors of test/vectors, typed, with conversions of their hex and decimal text to keys and messages.
// test/vectors/README.md describes each entry.

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Long from 'long';
import type { Message, Token } from '../../src/wire/message.ts';

/** Fields of a message or a token: bytes as hex, 64-bit numbers as decimal text. */
export interface Fields {
  readonly [name: string]: number | string | Fields | readonly (string | Fields)[];
}

type KeyName = 'registryCk' | 'registrySk' | 'memberCk' | 'memberSk' | 'registryCk1024';

interface KeyVector {
  readonly privateKeyFile: string;
  readonly modulusBits: number;
  readonly spki: string;
  readonly ssh: string;
  readonly fingerprint: string;
}

interface Sent {
  readonly message: string;
  readonly iv: string;
  readonly wire: string;
}

interface HelloReplyVector {
  readonly dialect: 'chained' | 'prefixed';
  readonly key1: string;
  readonly iv1?: string;
  readonly iv2?: string;
  readonly iv?: string;
  readonly key2: string;
  readonly salt2: string;
  readonly salt1?: string;
  readonly version2: string;
  readonly plaintext: string;
  readonly wire: string;
}

interface Vectors {
  readonly keys: Readonly<Record<KeyName, KeyVector>>;
  readonly versions: readonly { text: string; number: number; bytes: string }[];
  readonly notVersions: readonly string[];
  readonly regCreds: readonly {
    file: string;
    how: string;
    name: string;
    id: string;
    commsKey: KeyName;
    sigKey: KeyName;
    endPoints: string[];
    version: string;
  }[];
  readonly hellos: readonly {
    dialect: 'chained' | 'prefixed';
    key: KeyName;
    iv1?: string;
    key1: string;
    salt1: string;
    version1: string;
    plaintext: string;
    ciphertext: string;
  }[];
  readonly hostileHellos: readonly { reason: string; bytes: string }[];
  readonly helloReplies: readonly HelloReplyVector[];
  readonly messages: readonly { name: string; fields: Fields; encoded: string }[];
  readonly unusualMessages: readonly { reason: string; op: number; encoded: string }[];
  readonly opsOutOfRange: readonly { op: string; encoded: string }[];
  readonly notMessages: readonly { reason: string; bytes: string }[];
  readonly tokens: readonly { name: string; signed: string; fields: Fields }[];
  readonly badSignatures: readonly { reason: string; digSig: string }[];
  readonly clientById: Readonly<
    Record<'clientId' | 'salt2' | 'signed' | 'digSig' | 'digSigOverSalt1' | 'digSigOverIdAlone', string>
  >;
  readonly conversations: readonly {
    dialect: 'chained' | 'prefixed';
    key2: string;
    toRegistry: readonly Sent[];
    toClient: readonly Sent[];
  }[];
  readonly publicKeys: {
    readonly good: readonly { name: string; bits: number; exponent: string; modulus: string; spki: string }[];
    readonly odd: readonly { reason: string; spki: string }[];
    readonly hostile: readonly { reason: string; spki: string }[];
  };
}

const FOLDER = new URL('../vectors/', import.meta.url);

export const vectors: Vectors = JSON.parse(readFileSync(new URL('vectors.json', FOLDER), 'utf8'));

/** Decodes hex. */
export function bytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

/** Reads a file that the vectors name. */
export function vectorFile(path: string): Buffer {
  return readFileSync(new URL(path, FOLDER));
}

export function privateKey(name: KeyName): KeyObject {
  return createPrivateKey(vectorFile(vectors.keys[name].privateKeyFile));
}

export function publicKey(name: KeyName): KeyObject {
  return createPublicKey({ key: bytes(vectors.keys[name].spki), format: 'der', type: 'spki' });
}

/** The encoded message of this name. */
export function encodedMessage(name: string): Buffer {
  return bytes(vectors.messages.find((message) => message.name === name)!.encoded);
}

const BYTES = new Set('AesIV AesKey Salt1 Salt2 ClientID ClusterID DigSig ID CommsKey SigKey'.split(' '));
const UINT64 = new Set('Attrs ClientAttrs ClusterAttrs Which'.split(' '));

/** The code's message or token from the vectors' fields. */
export function messageOf(fields: Fields): Message & Token {
  const entries = Object.entries(fields).map(([name, value]) => {
    if (BYTES.has(name)) return [name, bytes(value as string)];
    if (UINT64.has(name)) return [name, Long.fromString(value as string, true)];
    if (name === 'ClientSpecs') return [name, messageOf(value as Fields)];
    if (name === 'Tokens') return [name, (value as Fields[]).map(messageOf)];
    return [name, value];
  });
  return Object.fromEntries(entries);
}

const MESSAGE_NAMES =
  'Op AesIV AesKey Salt1 Salt2 Version ClientName ClientID ClientAttrs ClientSpecs ClusterID ClusterName ClusterSize ' +
  'ClusterAttrs EndPointCount Which Tokens DigSig ErrDesc';
const TOKEN_NAMES = 'Name Attrs ID CommsKey SigKey MyEnds DigSig';

/** The vectors' fields of a message, without absent ones and empty lists. */
export function fieldsOf(message: Message): Fields {
  return plain(message as Readonly<Record<string, unknown>>, MESSAGE_NAMES.split(' '));
}

/** The vectors' fields of a token. */
export function tokenFieldsOf(token: Token): Fields {
  return plain(token as Readonly<Record<string, unknown>>, TOKEN_NAMES.split(' '));
}

function plain(from: Readonly<Record<string, unknown>>, names: readonly string[]): Fields {
  const entries: [string, Fields[string]][] = [];
  for (const name of names) {
    const value = from[name];
    if (value === null || value === undefined) continue;
    if (Array.isArray(value) && value.length === 0) continue;
    if (value instanceof Uint8Array) entries.push([name, Buffer.from(value).toString('hex')]);
    else if (Long.isLong(value)) entries.push([name, value.toUnsigned().toString()]);
    else if (name === 'Tokens') entries.push([name, (value as Token[]).map(tokenFieldsOf)]);
    else if (name === 'ClientSpecs') entries.push([name, tokenFieldsOf(value as Token)]);
    else entries.push([name, value as string | number | string[]]);
  }
  return Object.fromEntries(entries);
}
