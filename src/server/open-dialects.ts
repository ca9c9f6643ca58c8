// Part of start step 5: the dialects that are served, and the key s of the sealed one.
import type { CoordinatorThread } from '../coordinator/thread/handle.ts';
import type { Identity } from '../identity/identity.ts';
import { SEALED_RSA_BITS_MIN } from '../limits.ts';
import { SealKeyWriter } from '../pool/seal-key.ts';
import type { RegistryFacts } from '../pool/serve-job.ts';
import type { SessionDialect } from '../wire/hello.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { mac1Key } from '../wire/sealed-hello.ts';
import type { ServerContext } from './server-context.ts';

/** Returns the dialects to serve, and what workers need for the sealed one. Warns of members that cannot return. */
export function openDialects(
  { config, observer, onStop }: ServerContext,
  identity: Identity,
  regCred: RegCred,
  coordinator: CoordinatorThread,
): { readonly dialects: readonly SessionDialect[]; readonly sealed: RegistryFacts['sealed'] } {
  const { log } = observer;
  const wanted = config.dialects.includes('sealed');
  const bits = identity.sigKey.asymmetricKeyDetails?.modulusLength ?? 0;
  const offered = wanted && bits >= SEALED_RSA_BITS_MIN;
  if (wanted && !offered) {
    log.warn({ bits }, `the sealed dialect is not offered: sk.pem has fewer than ${SEALED_RSA_BITS_MIN} bits`);
  }
  if (!offered) {
    const { value: members } = coordinator.stats.table.marked;
    if (members > 0) {
      log.warn({ members }, 'members that use the sealed dialect cannot return: serve it, or run xlreg unmark --all');
    }
    return { dialects: config.dialects.filter((name) => name !== 'sealed'), sealed: undefined };
  }
  const oldDialectsClosed = config.dialects.every((name) => name === 'sealed');
  const { maxWaitMs } = config;
  const facts = { registryId: identity.id, sigKey: identity.sigKey, oldDialectsClosed, maxWaitMs };
  const sealKey = new SealKeyWriter(facts);
  onStop(async () => sealKey.close());
  const sealed = { mac1Key: mac1Key(regCred.sigKey), sealKey: sealKey.memory, sigKey: identity.sigKey, maxWaitMs };
  return { dialects: config.dialects, sealed };
}
