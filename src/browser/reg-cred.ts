// regCred.dat: the public credentials of a registry (C1 to C5).
import { REG_CRED_BYTES_MAX } from '../limits.ts';
import { type Bytes, concat, fromHex, hex, sha256, utf8 } from './bytes.ts';
import { importSigKey, spkiOfSshRsa } from './rsa.ts';

/** A registry, as its credentials tell. */
export interface RegCred {
  /** The registry's name. */
  readonly name: string;
  /** 20 or 32 bytes. */
  readonly id: Bytes;
  /** Verifies the registry's signatures. */
  readonly sigKey: CryptoKey;
  /** SubjectPublicKeyInfo of sigKey. */
  readonly sigKeySpki: Bytes;
  /** `host:port` of its TCP listeners. A browser needs the URL of a WebSocket instead. */
  readonly endPoints: readonly string[];
}

/**
 * Reads a regCred file. Rejects with a TypeError if it is none, or if its signature key is too small for `sealed`.
 *
 * @example
 * ```ts
 * const response = await fetch('/regCred.dat');
 * const registry = await parseRegCred(await response.text());
 * ```
 */
export async function parseRegCred(text: string): Promise<RegCred> {
  if (text.length > REG_CRED_BYTES_MAX) throw new TypeError('credentials are too long');
  const values = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const [, key, value] = /^\s*(\w+): (.+?)\s*$/.exec(line) ?? [];
    if (key !== undefined) values.set(key, [...(values.get(key) ?? []), value!]);
  }
  const one = (key: string): string => {
    const found = values.get(key) ?? [];
    if (found.length !== 1) throw new TypeError(`credentials have one line ${key}`);
    return found[0]!;
  };
  const id = fromHex(one('ID'));
  if (id === undefined || (id.length !== 20 && id.length !== 32)) throw new TypeError('credentials have an invalid ID');
  const sigKeySpki = spkiOfSshRsa(one('SigPubKey'));
  const sigKey = sigKeySpki && (await importSigKey(sigKeySpki));
  if (sigKeySpki === undefined || sigKey === undefined) {
    throw new TypeError('credentials have no signature key of 2,048 to 4,096 bits, which the sealed dialect needs');
  }
  return { name: one('Name'), id, sigKey, sigKeySpki, endPoints: values.get('TcpEndPoint') ?? [] };
}

/** First 16 bytes of an HMAC over an ephemeral key, under a key that the credentials give. */
export async function mac1(registry: RegCred, ephemeral: Bytes): Promise<Bytes> {
  const raw = await sha256(utf8('xlReg sealed mac1'), registry.sigKeySpki);
  const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, ephemeral)).slice(0, 16);
}

/** Names a registry in stores: its ID and its signature key. */
export async function registryKey(registry: RegCred): Promise<string> {
  return hex(await sha256(concat(registry.id, registry.sigKeySpki)));
}
