// What a member is made of: its keys and its signed token. Every field of a token, and what its signature covers, can
// be overridden, so that tests can make wrong ones.

import {
  createPublicKey,
  sign as cryptoSign,
  verify as cryptoVerify,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { encodeToken, type FieldToken, type TokenInput } from './protobuf.ts';

/** A member's two key pairs. The DER forms are what goes on the wire (SubjectPublicKeyInfo). */
export interface MemberKeys {
  readonly commsKey: Buffer;
  readonly commsPrivate: KeyObject;
  readonly sigKey: Buffer;
  readonly sigPrivate: KeyObject;
}

const pool = new Map<string, { der: Buffer; privateKey: KeyObject }>();

/** The key pair in a slot of this process's pool, generated when first asked for (100 ms and more for 2048 bits). */
function pair(slot: string, modulusLength: number): { der: Buffer; privateKey: KeyObject } {
  const name = `${slot}/${modulusLength}`;
  let made = pool.get(name);
  if (made === undefined) {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength });
    made = { der: publicKey.export({ type: 'spki', format: 'der' }), privateKey };
    pool.set(name, made);
  }
  return made;
}

/**
 * RSA keys for a member, from a pool per process: the same slots give the same keys. By default all members share one
 * comms key, since nothing is ever encrypted to it; two members may share a SigKey too, as long as their IDs differ.
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

/** A token to make. What is left out is not in the token, but for the keys and DigSig, which must be `null` for that. */
export interface TokenOptions extends Omit<TokenInput, 'commsKey' | 'sigKey' | 'digSig'> {
  /** Where CommsKey, SigKey and the key that signs come from. Default: `makeMemberKeys()`. */
  readonly keys?: MemberKeys;
  readonly commsKey?: Uint8Array | null;
  readonly sigKey?: Uint8Array | null;
  /** The signature to put in, instead of making one. */
  readonly digSig?: Uint8Array | null;
  /** Who signs, if not the owner of `keys`. */
  readonly signingKey?: KeyObject;
  /** The digest of the signature; `RSA-SHA1` unless told. */
  readonly digest?: string;
  /** Sign over the ID as well, between Attrs and CommsKey, as the seed reads. */
  readonly signWithId?: boolean;
  /** Fields for the signature to cover in place of the token's own. */
  readonly signed?: TokenInput;
  /** Bytes to append to the encoded token. */
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

/** What a token's DigSig covers: Name, Attrs (8 bytes, little-endian, 0 if absent), [ID,] CommsKey, SigKey, MyEnds. */
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

/** Whether a decoded token carries its own SigKey's signature, made without the ID. */
export function isSignedByItself(token: FieldToken): boolean {
  if (token.sigKey === undefined || token.digSig === undefined) return false;
  const sigKey = createPublicKey({ key: token.sigKey, format: 'der', type: 'spki' });
  return cryptoVerify('RSA-SHA1', tokenSignatureInput(token, false), sigKey, token.digSig);
}

/** The DigSig of a returning client: over its ClientID and this session's salt2. */
export function clientIdSignature(clientId: Uint8Array, salt2: Uint8Array, sigPrivate: KeyObject): Buffer {
  return cryptoSign('RSA-SHA1', Buffer.concat([clientId, salt2]), sigPrivate);
}
