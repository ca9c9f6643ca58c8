// A member's keys and signed token. Tests can override each field of a token and of its signature, to make wrong ones.

import {
  createPublicKey,
  sign as cryptoSign,
  verify as cryptoVerify,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { newKey } from '../support/made-keys.ts';
import { encodeToken, type FieldToken, type TokenInput } from './protobuf.ts';

/** A member's two key pairs; the DER forms are SubjectPublicKeyInfo, as on the wire. */
export interface MemberKeys {
  readonly commsKey: Buffer;
  readonly commsPrivate: KeyObject;
  readonly sigKey: Buffer;
  readonly sigPrivate: KeyObject;
}

const pool = new Map<string, { der: Buffer; privateKey: KeyObject }>();

/** The key pair in a slot of this process's pool, taken at its first use. */
function pair(slot: string, modulusLength: number): { der: Buffer; privateKey: KeyObject } {
  const name = `${slot}/${modulusLength}`;
  let made = pool.get(name);
  if (made === undefined) {
    const privateKey = modulusLength === 2048 ? newKey() : generateKeyPairSync('rsa', { modulusLength }).privateKey;
    made = { der: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }), privateKey };
    pool.set(name, made);
  }
  return made;
}

/**
 * RSA keys of a member, from a pool per process: the same slots give the same keys. All members share one ck by
 * default, since nothing is encrypted to it. Two members may share a SigKey if their IDs differ.
 */
export function makeMemberKeys(slots: { sig?: number; comms?: number; bits?: number } = {}): MemberKeys {
  const sig = pair(`sig${slots.sig ?? 0}`, slots.bits ?? 2048);
  const comms = pair(`comms${slots.comms ?? 0}`, slots.bits ?? 2048);
  return {
    commsKey: comms.der,
    commsPrivate: comms.privateKey,
    sigKey: sig.der,
    sigPrivate: sig.privateKey,
  };
}

/** The fields of a token. An absent field is left out, but keys and DigSig have defaults and are left out by `null`. */
export interface TokenOptions extends Omit<TokenInput, 'commsKey' | 'sigKey' | 'digSig'> {
  /** The owner of CommsKey, SigKey and the signing key; `makeMemberKeys()` by default. */
  readonly keys?: MemberKeys;
  readonly commsKey?: Uint8Array | null;
  readonly sigKey?: Uint8Array | null;
  /** The signature to put in, in place of a computed one. */
  readonly digSig?: Uint8Array | null;
  /** The signing key, if not that of `keys`. */
  readonly signingKey?: KeyObject;
  /** The signature's digest; `RSA-SHA1` by default. */
  readonly digest?: string;
  /** Also sign the ID, between Attrs and CommsKey (T7). */
  readonly signWithId?: boolean;
  /** Fields that the signature covers in place of the token's own. */
  readonly signed?: TokenInput;
  /** Bytes appended to the encoded token. */
  readonly extra?: Uint8Array;
}

/** An encoded Token with its DigSig. */
export function signedToken(options: TokenOptions): Buffer {
  const keys = options.keys ?? makeMemberKeys();
  const fields: TokenInput = {
    name: options.name,
    attrs: options.attrs,
    id: options.id,
    commsKey: options.commsKey === null ? undefined : (options.commsKey ?? keys.commsKey),
    sigKey: options.sigKey === null ? undefined : (options.sigKey ?? keys.sigKey),
    myEnds: options.myEnds,
  };
  let digSig: Uint8Array | undefined;
  if (options.digSig !== null) {
    const covered = tokenSignatureInput({ ...fields, ...options.signed }, options.signWithId ?? false);
    digSig = options.digSig ?? cryptoSign(options.digest ?? 'RSA-SHA1', covered, options.signingKey ?? keys.sigPrivate);
  }
  return Buffer.concat([encodeToken({ ...fields, digSig }), options.extra ?? Buffer.alloc(0)]);
}

/**
 * The bytes that a DigSig covers: Name, Attrs (8 bytes, little-endian, 0 if absent), [ID,] CommsKey, SigKey, MyEnds.
 */
export function tokenSignatureInput(token: TokenInput, withId: boolean): Buffer {
  const attrs = Buffer.alloc(8);
  attrs.writeBigUInt64LE(BigInt.asUintN(64, BigInt(token.attrs ?? 0)));
  const parts: (string | Uint8Array | undefined)[] = [
    token.name,
    attrs,
    withId ? token.id : undefined,
    token.commsKey,
    token.sigKey,
    ...(token.myEnds ?? []),
  ];
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : (part ?? Buffer.alloc(0)))));
}

/** Tells whether a decoded token has a valid signature by its own SigKey, without the ID. */
export function isSignedByItself(token: FieldToken): boolean {
  if (token.sigKey === undefined || token.digSig === undefined) return false;
  const sigKey = createPublicKey({ key: token.sigKey, format: 'der', type: 'spki' });
  return cryptoVerify('RSA-SHA1', tokenSignatureInput(token, false), sigKey, token.digSig);
}

/** The DigSig of a returning client, over its ClientID and this session's salt2 (T10). */
export function clientIdSignature(clientId: Uint8Array, salt2: Uint8Array, sigPrivate: KeyObject): Buffer {
  return cryptoSign('RSA-SHA1', Buffer.concat([clientId, salt2]), sigPrivate);
}
