// RSA keys and signatures of the dialect with WebCrypto: RSASSA-PSS with SHA-256 and a salt of 32 bytes.
import { type Bytes, concat, viewOf } from './bytes.ts';

const PSS = { name: 'RSA-PSS', hash: 'SHA-256' } as const;
const PSS_PARAMETERS: RsaPssParams = { name: 'RSA-PSS', saltLength: 32 };

/** Bits of a key that the dialect accepts. */
const BITS = { min: 2_048, max: 4_096 } as const;

/** Makes a signature key whose private half cannot leave the browser. */
export async function generateSigKey(): Promise<CryptoKeyPair> {
  const parameters = { ...PSS, modulusLength: 2_048, publicExponent: Uint8Array.of(1, 0, 1) };
  return await crypto.subtle.generateKey(parameters, false, ['sign', 'verify']);
}

/** Makes a comms key, which the protocol asks for. Nothing is ever encrypted to it. */
export async function generateCommsKey(): Promise<CryptoKeyPair> {
  const parameters = {
    name: 'RSA-OAEP',
    hash: 'SHA-256',
    modulusLength: 2_048,
    publicExponent: Uint8Array.of(1, 0, 1),
  };
  return await crypto.subtle.generateKey(parameters, false, ['encrypt', 'decrypt']);
}

/** SubjectPublicKeyInfo of a public key. */
export async function exportSpki(key: CryptoKey): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.exportKey('spki', key));
}

export async function signPss(key: CryptoKey, data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign(PSS_PARAMETERS, key, data));
}

/** Imports a public key for PSS; undefined if it is none, or outside the dialect's bounds. */
export async function importSigKey(spki: Bytes): Promise<CryptoKey | undefined> {
  try {
    const key = await crypto.subtle.importKey('spki', spki, PSS, true, ['verify']);
    const { modulusLength } = key.algorithm as RsaHashedKeyAlgorithm;
    return modulusLength >= BITS.min && modulusLength <= BITS.max ? key : undefined;
  } catch {
    return undefined;
  }
}

export async function verifyPss(key: CryptoKey, data: Bytes, signature: Bytes): Promise<boolean> {
  return await crypto.subtle.verify(PSS_PARAMETERS, key, signature, data);
}

/** SubjectPublicKeyInfo of the OpenSSH form `ssh-rsa AAAA…`; undefined if the text is anything else. */
export function spkiOfSshRsa(text: string): Bytes | undefined {
  const match = /^ssh-rsa ([A-Za-z0-9+/]+={0,2})$/.exec(text);
  if (match === null) return undefined;
  try {
    const blob = Uint8Array.from(atob(match[1]!), (character) => character.charCodeAt(0));
    const [type, exponent, modulus, ...more] = fieldsOf(blob);
    if (modulus === undefined || more.length > 0 || new TextDecoder().decode(type) !== 'ssh-rsa') return undefined;
    const rsaKey = der(0x30, concat(der(0x02, modulus), der(0x02, exponent!)));
    return der(0x30, concat(RSA_ENCRYPTION, der(0x03, concat(Uint8Array.of(0), rsaKey))));
  } catch {
    return undefined;
  }
}

/** AlgorithmIdentifier of rsaEncryption. */
const RSA_ENCRYPTION = Uint8Array.of(0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0);

/** Fields of a key blob: uint32 length, then the bytes. */
function fieldsOf(blob: Bytes): Bytes[] {
  const fields: Bytes[] = [];
  for (let at = 0; at < blob.length; ) {
    const end = at + 4 + viewOf(blob).getUint32(at);
    if (end > blob.length) throw new Error('a key blob is cut off');
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

/** A DER element. */
function der(tag: number, body: Bytes): Bytes {
  const { length } = body;
  if (length < 0x80) return concat(Uint8Array.of(tag, length), body);
  if (length < 0x100) return concat(Uint8Array.of(tag, 0x81, length), body);
  return concat(Uint8Array.of(tag, 0x82, length >> 8, length & 0xff), body);
}
