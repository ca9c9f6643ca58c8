// Who a registry says it is, held against the credentials that the client has of it (S6).
import type { KeyObject } from 'node:crypto';
import { checkToken } from '../wire/member-token.ts';
import type { Message } from '../wire/message.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { exportSpki, importPublicKey, parseSpki } from '../wire/rsa-key.ts';
import { printVersion } from '../wire/version.ts';
import { RegistryUntrusted } from './errors.ts';

/** What a registry says of itself. */
export interface Credentials {
  readonly name: string;
  /** Lower-case hex. */
  readonly id: string;
  /** As it advertises them. */
  readonly endPoints: readonly string[];
  /** `a.b`, `a.b.c` or `a.b.c.d` (K5). */
  readonly version: string;
  /** Its comms key, where that is not the one of the credentials: those are from before a change of keys (H10). */
  readonly newCommsKey?: KeyObject;
}

/**
 * The credentials in a RegCredReply; throws RegistryUntrusted unless ID and signature key are the expected ones and have
 * signed them. The comms key may be a new one: that the registry has the expected one, too, it has shown at the Hello.
 */
export function credentialsIn({ ClientSpecs: token, Version }: Message, expected: RegCred): Credentials {
  if (!token) throw new RegistryUntrusted('it does not say who it is');
  if (!isEqual(token.ID, expected.id)) throw new RegistryUntrusted('its ID is not that of the credentials');
  if (!isEqual(token.SigKey, exportSpki(expected.sigKey))) throw new RegistryUntrusted('its signature key is another');
  const fault = checkToken(token);
  if (fault) throw new RegistryUntrusted(`its own token is not in order: ${fault}`);
  const isNew = !isEqual(token.CommsKey, exportSpki(expected.commsKey));
  return {
    ...(isNew && { newCommsKey: importPublicKey(parseSpki(token.CommsKey!)!) }),
    name: token.Name!,
    id: Buffer.from(expected.id).toString('hex'),
    endPoints: token.MyEnds ?? [],
    version: printVersion(Version ?? 0),
  };
}

/** Whether a field is there and has these bytes. */
export function isEqual(found: Uint8Array | null | undefined, expected: Uint8Array): boolean {
  return found !== null && found !== undefined && Buffer.compare(found, expected) === 0;
}
