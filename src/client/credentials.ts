// Checks the credentials that a registry sends against those that the client has of it (S6).
import type { KeyObject } from 'node:crypto';
import type { SessionDialect } from '../wire/hello.ts';
import { checkToken } from '../wire/member-token.ts';
import type { Message } from '../wire/message.ts';
import { printable } from '../wire/printable.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { exportSpki, importPublicKey, parseSpki } from '../wire/rsa-key.ts';
import { printVersion } from '../wire/version.ts';
import { RegistryUntrusted } from './errors.ts';
import { registryIdOf } from './statements.ts';

/** Credentials of a registry, as it sends them. */
export interface Credentials {
  /** The registry's name. */
  readonly name: string;
  /** Lower-case hex, 40 or 64 digits. */
  readonly id: string;
  /** End points that the registry advertises. */
  readonly endPoints: readonly string[];
  /** `a.b`, `a.b.c` or `a.b.c.d` (K5). */
  readonly version: string;
  /** The registry's comms key, if it differs from the client's credentials. They then predate a key rotation (H10). */
  readonly newCommsKey?: KeyObject;
  /** This client's IP address as the registry sees it; absent in the RSA dialects. */
  readonly observedAddress?: string;
}

/**
 * Returns the credentials in a RegCredReply. Throws RegistryUntrusted unless ID and signature key are the expected ones.
 * In the RSA dialects that key must have signed the reply; the comms key may be new, as the Hello has proved that the
 * registry holds the expected one. In `sealed` the handshake has proved the signature key.
 */
export function credentialsIn(
  { ClientSpecs: token, Version, ObservedAddress }: Message,
  expected: RegCred,
  dialect: SessionDialect,
): Credentials {
  if (!token) throw new RegistryUntrusted('its reply has no token');
  if (!isEqual(token.ID, expected.id)) throw new RegistryUntrusted('its ID is not that of the credentials');
  if (!isEqual(token.SigKey, exportSpki(expected.sigKey)))
    throw new RegistryUntrusted('its signature key is not that of the credentials');
  // Only a registry inside a test has a published key: its own start refuses one elsewhere (K7).
  const fault = checkToken(token, true);
  if (fault && !(dialect === 'sealed' && fault === 'signature-invalid'))
    throw new RegistryUntrusted(`its own token is invalid: ${fault}`);
  const isNew = !isEqual(token.CommsKey, exportSpki(expected.commsKey));
  return printable({
    ...(isNew && { newCommsKey: importPublicKey(parseSpki(token.CommsKey!)!) }),
    name: token.Name!,
    id: registryIdOf(expected),
    endPoints: token.MyEnds ?? [],
    version: printVersion(Version ?? 0),
    ...(dialect === 'sealed' && ObservedAddress && { observedAddress: ObservedAddress }),
  });
}

/** True if the field is present and equal. */
export function isEqual(found: Uint8Array | null | undefined, expected: Uint8Array): boolean {
  return found !== null && found !== undefined && Buffer.compare(found, expected) === 0;
}
