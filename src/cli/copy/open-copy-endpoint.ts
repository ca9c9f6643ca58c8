// Parses the arguments FROM and TO of xlreg store copy: `lmdb:DIR` or `etcd:HOST:PORT,…`.
import { escapeText } from '../../client/escape-text.ts';
import { isShared, isStoreName, type StoreName } from '../../store/open-store.ts';
import { UsageError } from '../client-flags.ts';
import type { CopySource, CopyTarget } from './copy-endpoint.ts';
import { type EtcdFlags, openEtcdSource, openEtcdTarget } from './etcd-copy-endpoint.ts';
import { openLmdbSource, openLmdbTarget } from './lmdb-copy-endpoint.ts';

const LMDB = 'lmdb:';

/** Opens the source. Throws UsageError; rejects with UsageError, OperatorError or StoreUnusableError. */
export function openSource(text: string, etcd: EtcdFlags): Promise<CopySource> {
  const location = locationOf('FROM', text);
  return 'etcd' in location ? openEtcdSource(location.etcd, etcd) : openLmdbSource(location.directory);
}

/** Begins the target of a registry, whose table has this term. Throws UsageError; rejects with UsageError, OperatorError or StoreUnusableError. */
export function openTarget(text: string, registryId: string, term: number, etcd: EtcdFlags): Promise<CopyTarget> {
  const location = locationOf('TO', text);
  return 'etcd' in location
    ? openEtcdTarget(location.etcd, registryId, term, etcd)
    : openLmdbTarget(location.directory, registryId, term);
}

function locationOf(what: string, text: string): { readonly directory: string } | { readonly etcd: StoreName } {
  if (text.startsWith(LMDB) && text.length > LMDB.length) return { directory: text.slice(LMDB.length) };
  if (isStoreName(text) && isShared(text)) return { etcd: text };
  throw new UsageError(`${what} should be lmdb:DIR or etcd:HOST:PORT,…, not "${escapeText(text)}"`);
}
