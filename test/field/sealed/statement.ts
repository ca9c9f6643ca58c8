// Signatures and checks of a sealed member, written a second time from the protocol's page: S, the ID of a key, both
// proofs, and the registry's certificate of its sealed key.

import { constants, sign as cryptoSign, verify as cryptoVerify, type KeyObject } from 'node:crypto';
import type { TokenInput } from '../protobuf.ts';
import { sha256 } from './noise.ts';

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } as const;

/** RSASSA-PSS with SHA-256 and a salt of 32 bytes. */
export function pssSign(key: KeyObject, data: Uint8Array): Buffer {
  return cryptoSign('sha256', data, { key, ...PSS });
}

/** Tells whether a PSS signature fits; other salt lengths do not. */
export function pssVerify(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  return cryptoVerify('sha256', data, { key, ...PSS }, signature);
}

/** uint16 length, then the bytes. */
export function counted(bytes: Uint8Array | string): Buffer {
  const body = Buffer.from(bytes);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([length, body]);
}

/** A uint64, big-endian. */
function uint64(value: number | bigint): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(value));
  return out;
}

/** S: the bytes that a Statement signs. */
export function statementBytes(registryId: Uint8Array, token: TokenInput): Buffer {
  const myEnds = token.myEnds ?? [];
  return Buffer.concat([
    Buffer.from('xlReg member 1\0'),
    counted(registryId),
    counted(token.name ?? ''),
    uint64(token.attrs ?? 0),
    counted(token.id ?? ''),
    counted(token.commsKey ?? ''),
    counted(token.sigKey ?? ''),
    Buffer.from([myEnds.length]),
    ...myEnds.map(counted),
    counted(token.labels ?? ''),
    token.sealKey ?? Buffer.alloc(32),
    uint64(token.seq ?? 0),
  ]);
}

/** The ID that certifies a SigKey. */
export function memberId(sigKey: Uint8Array): Buffer {
  return sha256('xlReg member id 1\0', sigKey);
}

/** Bytes under the DigSig of a Client with a token. */
export function clientProof(handshakeHash: Uint8Array, statement: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('xlReg sealed client 1\0'), handshakeHash, sha256(statement)]);
}

/** Bytes under the DigSig of a return by ID. */
export function returnProof(handshakeHash: Uint8Array, clientId: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('xlReg sealed return 1\0'), handshakeHash, counted(clientId)]);
}

/** The registry's certificate of the static key of its handshakes. */
export interface SealCert {
  readonly version: number;
  readonly flags: number;
  /** Seconds since 1970. */
  readonly notBefore: bigint;
  readonly notAfter: bigint;
  readonly maxMessage: number;
  readonly maxWaitMs: number;
  readonly signature: Buffer;
}

/** Bytes of a SealCert in front of its signature. */
const CERT_HEAD = 30;

/** Bytes under a SealCert's signature. */
export function certSigned(registryId: Uint8Array, s: Uint8Array, head: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('xlReg sealed key 1\0'), counted(registryId), s, head]);
}

/** Parses a SealCert and checks everything that a client has to check. */
export function checkSealCert(cert: Buffer, s: Buffer, registryId: Uint8Array, sigKey: KeyObject): SealCert {
  const head = cert.subarray(0, CERT_HEAD);
  const signature = cert.subarray(CERT_HEAD);
  if (!pssVerify(sigKey, certSigned(registryId, s, head), signature)) throw new Error('SealCert: bad signature');
  const [version, flags] = [head[0]!, head[1]!];
  const [notBefore, notAfter] = [head.readBigUInt64BE(2), head.readBigUInt64BE(10)];
  if (version !== 1) throw new Error(`SealCert: version ${version}`);
  if (head.readUInt32BE(26) !== 0) throw new Error('SealCert: the last four bytes are not zero');
  const now = BigInt(Math.floor(Date.now() / 1000));
  const day = 86_400n;
  if (now + day < notBefore || now - day > notAfter) throw new Error(`SealCert: not valid at ${now}`);
  const [maxMessage, maxWaitMs] = [head.readUInt32BE(18), head.readUInt32BE(22)];
  return { version, flags, notBefore, notAfter, maxMessage, maxWaitMs, signature };
}
