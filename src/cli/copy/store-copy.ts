// xlreg store copy: copies a table that no server uses to another store, and proves that both are equal.
import { escapeText } from '../../client/escape-text.ts';
import { CopyError, copyRecords, Survey } from '../../store/copy.ts';
import { StoreFullError, StoreUnreachableError, StoreUnusableError } from '../../store/store.ts';
import type { JsonForm } from '../json-forms.ts';
import { OperatorError } from '../operator-error.ts';
import { clearProgress, drawProgress } from '../progress-bar.ts';
import type { CopySource, CopyTarget } from './copy-endpoint.ts';
import type { EtcdFlags } from './etcd-copy-endpoint.ts';
import { openSource, openTarget } from './open-copy-endpoint.ts';

/** The errors of a copy that are no bugs. */
const EXPECTED_ERRORS = [StoreUnusableError, StoreFullError, StoreUnreachableError, CopyError];

/** Resolves to the result. Rejects with UsageError, OperatorError or StoreUnusableError; TO is unchanged then. */
export async function storeCopy(
  from: string,
  to: string,
  etcd: EtcdFlags,
  signal: AbortSignal,
): Promise<JsonForm<'store-copy'>> {
  const source = await openSource(from, etcd);
  try {
    const target = await openTarget(to, source.registryId, source.store.term ?? 1, etcd);
    try {
      const { clients, clusters, members, digest } = await copyAndCompare(source, target, signal);
      await target.keep();
      const { advice = null } = target;
      return { from, to, clients, clusters, members, digest, advice };
    } catch (error) {
      if (!EXPECTED_ERRORS.some((kind) => error instanceof kind)) throw error;
      throw new OperatorError(`${escapeText((error as Error).message)}; ${target.abandoned}`, 1);
    } finally {
      clearProgress();
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Reads the source twice: to check and count its records, and to copy them. Then reads the copy. */
async function copyAndCompare(source: CopySource, target: CopyTarget, signal: AbortSignal): Promise<Survey> {
  const step = (label: string, count: number) => (records: number) => {
    signal.throwIfAborted();
    drawProgress(label, records, count);
  };
  const survey = await Survey.of(source.store, step('reading', Infinity));
  await copyRecords(source.store, target.store, step('copying', survey.records));
  const copied = await target.reopen();
  if (copied.term !== source.store.term) throw new CopyError('the copy has another term');
  survey.assertSame(await Survey.of(copied, step('comparing', survey.records)));
  return survey;
}
