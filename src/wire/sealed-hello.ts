// The Hello of the sealed dialect, and the certificate in its reply.
//
//   Hello    = "xlReg sealed 1\r\n" e(32) mac1(16)                                            64 bytes
//   Reply    = length(2) e(32) AEAD(s(32)) AEAD(SealCert)          on WebSocket without the length
//   SealCert = version(1) flags(1) notBefore(8) notAfter(8) maxMessage(4) maxWaitMs(4) zero(4) signature
import { hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import { SEAL_CERT_SKEW_SECONDS } from '../limits.ts';
import { hmac } from '../noise/short-hash.ts';
import { signPss, verifyPss } from './pss.ts';
import { exportSpki } from './rsa-key.ts';

/** First bytes of a sealed connection, and the prologue of its Noise handshake. */
export const SEALED_PROLOGUE: Uint8Array = Buffer.from('xlReg sealed 1\r\n');
/** Bytes of a sealed Hello: prologue, ephemeral key, mac1. */
export const SEALED_HELLO_BYTES = 64;
/** Bytes of mac1, the clear payload of Noise message 1. */
export const MAC1_BYTES = 16;

const MAC1_PREFIX = Buffer.from('xlReg sealed mac1');
const CERT_PREFIX = Buffer.from('xlReg sealed key 1\0');
const CERT_VERSION = 1;
const CERT_BODY_BYTES = 30;

/** Bit 0 of a certificate's flags: the old dialects are closed here. */
export const OLD_DIALECTS_CLOSED = 1;

/** Key of mac1, from the registry's public signature key. */
export function mac1Key(registrySigKey: KeyObject): Buffer {
  return hash('sha256', Buffer.concat([MAC1_PREFIX, exportSpki(registrySigKey)]), 'buffer');
}

/** mac1 of an ephemeral public key. */
export function mac1(key: Uint8Array, ephemeral: Uint8Array): Buffer {
  return hmac(key, ephemeral).subarray(0, MAC1_BYTES);
}

/** Compares a mac1 in constant time. Costs no curve operation. */
export function isMac1(key: Uint8Array, ephemeral: Uint8Array, found: Uint8Array): boolean {
  return found.length === MAC1_BYTES && timingSafeEqual(mac1(key, ephemeral), found);
}

/** Certificate by the registry's signature key for the static key `s` of a process. */
export interface SealCert {
  /** Bits; unknown ones are ignored. */
  readonly flags: number;
  /** Seconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Bytes of a message's protobuf at most, from the client. */
  readonly maxMessage: number;
  /** Longest wait that a request may ask for; 0 if none may. */
  readonly maxWaitMs: number;
}

/** Reasons for which a certificate is not accepted. `clock`: it is good, but not at this time. */
export type SealCertFault = 'length' | 'version' | 'signature' | 'clock';

/** Signs a certificate for the static public key `s`. */
export function encodeSealCert(cert: SealCert, s: Uint8Array, registryId: Uint8Array, sigKey: KeyObject): Buffer {
  const body = Buffer.alloc(CERT_BODY_BYTES);
  body[0] = CERT_VERSION;
  body[1] = cert.flags;
  body.writeBigUInt64BE(BigInt(cert.notBefore), 2);
  body.writeBigUInt64BE(BigInt(cert.notAfter), 10);
  body.writeUInt32BE(cert.maxMessage, 18);
  body.writeUInt32BE(cert.maxWaitMs, 22);
  return Buffer.concat([body, signPss(sigKey, certSigned(body, s, registryId))]);
}

/**
 * Checks a certificate for the key `s` of a reply, at `now` in seconds since 1970. Returns it with the fault, if any:
 * a certificate with fault `clock` has its times, for the error that shows both clocks.
 */
export function readSealCert(
  bytes: Uint8Array,
  s: Uint8Array,
  registry: { readonly id: Uint8Array; readonly sigKey: KeyObject },
  now: number,
): { readonly cert?: SealCert; readonly fault?: SealCertFault } {
  const modulusBytes = Math.ceil((registry.sigKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  if (bytes.length !== CERT_BODY_BYTES + modulusBytes) return { fault: 'length' };
  if (bytes[0] !== CERT_VERSION) return { fault: 'version' };
  const body = Buffer.from(bytes.subarray(0, CERT_BODY_BYTES));
  const signed = certSigned(body, s, registry.id);
  if (!verifyPss(registry.sigKey, signed, bytes.subarray(CERT_BODY_BYTES))) return { fault: 'signature' };
  const cert: SealCert = {
    flags: body[1]!,
    notBefore: Number(body.readBigUInt64BE(2)),
    notAfter: Number(body.readBigUInt64BE(10)),
    maxMessage: body.readUInt32BE(18),
    maxWaitMs: body.readUInt32BE(22),
  };
  const valid = now >= cert.notBefore - SEAL_CERT_SKEW_SECONDS && now <= cert.notAfter + SEAL_CERT_SKEW_SECONDS;
  return valid ? { cert } : { cert, fault: 'clock' };
}

/** The bytes under a certificate's signature. */
function certSigned(body: Uint8Array, s: Uint8Array, registryId: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(registryId.length);
  return Buffer.concat([CERT_PREFIX, length, registryId, s, body]);
}
