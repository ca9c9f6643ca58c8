// The places that xlreg store copy knows: a scheme, and what the scheme makes of the rest.
import { escapeText } from '../../client/escape-text.ts';
import { isShared, isStoreName, type StoreName } from '../../store/open-store.ts';
import { UsageError } from '../client-flags.ts';
import type { SourcePlace, TargetPlace } from './copy-endpoint.ts';
import { type EtcdFlags, openEtcdSource, openEtcdTarget } from './etcd-copy-endpoint.ts';
import { openLmdbSource, openLmdbTarget } from './lmdb-copy-endpoint.ts';

const LMDB = 'lmdb:';

/** Opens a table to copy. Throws UsageError, OperatorError, StoreUnusableError. */
export function openSource(text: string, etcd: EtcdFlags): Promise<SourcePlace> {
  const place = placeOf('FROM', text);
  return 'etcd' in place ? openEtcdSource(place.etcd, etcd) : openLmdbSource(place.directory);
}

/** Begins a table of this registry where there is none. Throws UsageError, OperatorError, StoreUnusableError. */
export function openTarget(text: string, registryId: string, etcd: EtcdFlags): Promise<TargetPlace> {
  const place = placeOf('TO', text);
  return 'etcd' in place ? openEtcdTarget(place.etcd, registryId, etcd) : openLmdbTarget(place.directory, registryId);
}

function placeOf(what: string, text: string): { readonly directory: string } | { readonly etcd: StoreName } {
  if (text.startsWith(LMDB) && text.length > LMDB.length) return { directory: text.slice(LMDB.length) };
  if (isStoreName(text) && isShared(text)) return { etcd: text };
  throw new UsageError(`${what} should be lmdb:DIR or etcd:HOST:PORT,…, not "${escapeText(text)}"`);
}
