// Start step 3: the coordinator's thread. It opens the store and loads the table.
import { CoordinatorThread } from '../coordinator/thread/handle.ts';
import { coordinatorMetrics } from '../metrics/coordinator-metrics.ts';
import { etcdMetrics } from '../metrics/etcd-metrics.ts';
import { endPointsOf, isShared } from '../store/open-store.ts';
import { readEtcdAccess } from './etcd-access.ts';
import type { OpenedIdentity } from './open-identity.ts';
import type { ServerContext } from './server-context.ts';

/** Resolves when the table is loaded. Rejects with StoreUnusableError or ThreadLoadError. */
export async function startCoordinator(context: ServerContext, opened: OpenedIdentity): Promise<CoordinatorThread> {
  const { config, metrics, state, growth, onStop } = context;
  const store = {
    name: config.store,
    dataDirectory: config.dataDir,
    registryId: opened.identity.id.toString('hex'),
    bytesMax: config.storeBytesMax,
    fence: opened.fence.memory,
    etcd: readEtcdAccess(config, process.env),
  };
  const limits = {
    clients: config.maxRegistrations,
    clusters: config.maxClusters,
    ephemeralTtlMs: config.ephemeralTtl * 1000,
    idleRegistrationTtlMs: config.idleRegistrationTtl * 1000,
    emptyClusterTtlMs: config.emptyClusterTtl * 1000,
    clustersPerClient: config.maxClustersPerClient,
    seatsPerClient: config.maxSeatsPerClient,
  };
  const coordinator = await CoordinatorThread.start({ store, limits, growth }, coordinatorEvents(context));
  state.coordinator = coordinator;
  state.tableLoaded = true;
  coordinatorMetrics(metrics, coordinator.stats, () => coordinator.queueLength);
  etcdMetrics(metrics, coordinator.stats, isShared(config.store) ? endPointsOf(config.store) : []);
  onStop(() => coordinator.close());
  return coordinator;
}

function coordinatorEvents({ observer, state }: ServerContext): Parameters<typeof CoordinatorThread.start>[1] {
  const { log, onDeath } = observer;
  return {
    full(reason) {
      state.storeFull = reason !== undefined;
      if (reason) log.error({ reason }, 'the store is full: changes of the table are refused');
      else log.warn('the store has room again');
    },
    unreachable(reason) {
      state.storeUnreachable = reason !== undefined;
      if (reason) log.error({ reason }, 'the store cannot be reached: changes of the table are refused');
      else log.warn('the store is reached again');
    },
    tokenReplayed(clientId, name) {
      log.warn(
        { clientId, name },
        'a client registered with a token that it had replaced: it switched back, or a replay',
      );
    },
    death: onDeath,
  };
}
