// Describes a registry's credentials for comparison by people and programs: fingerprints of keys, hex for bytes.
import type { KeyObject } from 'node:crypto';
import type { RegCred } from './reg-cred.ts';
import { keyFingerprint, printSshRsa } from './rsa-key.ts';
import { printVersion } from './version.ts';

/** A public RSA key. */
export interface DescribedKey {
  /** As `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  readonly bits: number;
  /** The form used in regCred.dat. */
  readonly ssh: string;
}

/** The credentials, as `xlreg regcred --json` prints them. */
export interface DescribedRegCred {
  readonly name: string;
  /** Hex. */
  readonly id: string;
  readonly commsKey: DescribedKey;
  readonly sigKey: DescribedKey;
  readonly endPoints: readonly string[];
  /** `a.b.c.d` */
  readonly version: string;
}

export function describeRegCred({ name, id, commsKey, sigKey, endPoints, version }: RegCred): DescribedRegCred {
  const keys = { commsKey: describeKey(commsKey), sigKey: describeKey(sigKey) };
  return { name, id: Buffer.from(id).toString('hex'), ...keys, endPoints, version: printVersion(version) };
}

function describeKey(key: KeyObject): DescribedKey {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return { fingerprint: keyFingerprint(key), bits, ssh: printSshRsa(key) };
}
