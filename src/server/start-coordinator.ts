// Start step 4: the coordinator's thread. It opens the store and loads the table.
import type { GrowthRates } from '../admission/growth-budgets.ts';
import type { Config } from '../config.ts';
import { CoordinatorThread } from '../coordinator/thread/handle.ts';
import { coordinatorMetrics } from '../metrics/coordinator-metrics.ts';
import { etcdMetrics } from '../metrics/etcd-metrics.ts';
import { endPointsOf, isShared } from '../store/open-store.ts';
import { readEtcdAccess } from './etcd-access.ts';
import type { ServerAudit } from './open-audit.ts';
import type { OpenedIdentity } from './open-identity.ts';
import { settingsOfGroups } from './reload.ts';
import type { ServerContext } from './server-context.ts';

/** Resolves when the table is loaded. Rejects with StoreUnusableError or ThreadLoadError. */
export async function startCoordinator(
  context: ServerContext,
  opened: OpenedIdentity,
  audit: ServerAudit,
): Promise<CoordinatorThread> {
  const { config, metrics, state, growth, onStop } = context;
  const store = {
    name: config.store,
    dataDirectory: config.dataDir,
    registryId: opened.identity.id.toString('hex'),
    bytesMax: config.storeBytesMax,
    fence: opened.fence.memory,
    etcd: readEtcdAccess(config, process.env),
  };
  const data = { store, limits: tableLimits(config), growth };
  const coordinator = await CoordinatorThread.start(data, coordinatorEvents(context, audit));
  context.reload.add({
    name: 'limits of the table',
    settings: settingsOfGroups('table', 'growth'),
    reload: (next) => coordinator.setLimits(tableLimits(next), growthRates(next)),
  });
  state.coordinator = coordinator;
  state.tableLoaded = true;
  coordinatorMetrics(metrics, coordinator.stats, () => coordinator.queueLength);
  etcdMetrics(metrics, coordinator.stats, isShared(config.store) ? endPointsOf(config.store) : []);
  onStop(() => coordinator.close());
  return coordinator;
}

function tableLimits(config: Config) {
  return {
    clients: config.maxRegistrations,
    clusters: config.maxClusters,
    ephemeralTtlMs: config.ephemeralTtl * 1000,
    idleRegistrationTtlMs: config.idleRegistrationTtl * 1000,
    emptyClusterTtlMs: config.emptyClusterTtl * 1000,
    clustersPerClient: config.maxClustersPerClient,
    seatsPerClient: config.maxSeatsPerClient,
  };
}

/** The rates of growth of one address. */
export function growthRates(config: Config): GrowthRates {
  return {
    registration: config.maxRegistrationsPerSecondPerAddress,
    cluster: config.maxClustersPerSecondPerAddress,
    member: config.maxMembersPerSecondPerAddress,
  };
}

function coordinatorEvents(
  { observer, state, connections }: ServerContext,
  audit: ServerAudit,
): Parameters<typeof CoordinatorThread.start>[1] {
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
    idDisplaced({ clientId, name, seats }) {
      log.warn(
        { clientId, name, seats },
        'a client lost its ID and its seats: the ID is the hash of another SigKey, whose holder registered',
      );
    },
    ...(audit.isOn && {
      added(additions) {
        for (const { action, clientId, clusterId, cluster, member, time } of additions) {
          const actor = { client: clientId, address: connections.addressOf(clientId) };
          audit.record({ actor, action, object: { cluster, id: clusterId, member }, outcome: 'done', time });
        }
      },
    }),
    death: onDeath,
  };
}
