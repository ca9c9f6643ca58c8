// The registry's public data: the credentials for regCred.dat, and its token.
import { createPublicKey } from 'node:crypto';
import type { Config } from '../config.ts';
import { signToken } from '../wire/member-token.ts';
import type { Token } from '../wire/message.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { exportSpki } from '../wire/rsa-key.ts';
import { PROTOCOL_VERSION } from '../wire/version.ts';
import type { Identity } from './identity.ts';

/** The registry's credentials: name, ID, keys, and the end points in the order to try them. */
export function credentialsOf(
  identity: Identity,
  config: Config,
  tcp: { readonly address: string } | undefined,
): RegCred {
  return {
    name: config.name,
    id: identity.id,
    commsKey: createPublicKey(identity.commsKey),
    sigKey: createPublicKey(identity.sigKey),
    endPoints: config.advertise ?? (tcp ? [reachable(tcp)] : []),
    version: PROTOCOL_VERSION,
  };
}

/** Replaces a wildcard address by loopback: without `--advertise` no other address is known to reach us. */
function reachable(tcp: { readonly address: string }): string {
  return tcp.address.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
}

/** The registry's own token, signed (S6). */
export function registryToken(identity: Identity, { name, id, endPoints, commsKey, sigKey }: RegCred): Token {
  const token = {
    Name: name,
    ID: id,
    CommsKey: exportSpki(commsKey),
    SigKey: exportSpki(sigKey),
    MyEnds: [...endPoints],
  };
  return signToken(token, identity.sigKey);
}
