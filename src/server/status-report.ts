// The report of the status page, from the parts of the server that know it.
import type { StatusReport } from '../admin/status-streams.ts';
import { CoordinatorBusyError } from '../coordinator/thread/handle.ts';
import { readActivity } from '../metrics/status-snapshot.ts';
import { packageVersion } from '../runtime/package-version.ts';
import type { CheckHistory } from './check-history.ts';
import type { ServerContext } from './server-context.ts';

const VERSION = packageVersion();

/** Makes a report; undefined while the coordinator is too busy for one. Its `overview` is undefined during the start. */
export async function readStatus(context: ServerContext, history: CheckHistory): Promise<StatusReport | undefined> {
  const { config, metrics, observer, state } = context;
  const { coordinator } = state;
  const overview = await coordinator?.overview().catch((error: unknown) => {
    if (!(error instanceof CoordinatorBusyError)) throw error;
    return undefined;
  });
  if (coordinator && !overview) return undefined;
  const { store, ...activity } = await readActivity(metrics);
  return {
    ...activity,
    version: VERSION,
    uptimeSeconds: process.uptime(),
    checks: history.states,
    store: { kind: config.store.replace(/:.*/, ''), ...store },
    overview,
    log: observer.recentTrouble(),
  };
}
