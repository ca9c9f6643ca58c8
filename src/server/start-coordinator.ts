// Start step 4: the coordinator's thread. It opens the store and loads the table.
import { CoordinatorThread } from '../coordinator/thread/handle.ts';
import { coordinatorMetrics } from '../metrics/coordinator-metrics.ts';
import { etcdMetrics } from '../metrics/etcd-metrics.ts';
import { endPointsOf, isShared } from '../store/open-store.ts';
import { readEtcdAccess, reloadableEtcdAccess } from './etcd-access.ts';
import { growthRatesOf, tableLimitsOf } from './live-limits.ts';
import type { ServerAudit } from './open-audit.ts';
import type { OpenedIdentity } from './open-identity.ts';
import type { ServerContext } from './server-context.ts';

/** Resolves when the table is loaded. Rejects with StoreUnusableError or ThreadLoadError. */
export async function startCoordinator(
  context: ServerContext,
  opened: OpenedIdentity,
  audit: ServerAudit,
): Promise<CoordinatorThread> {
  const { config, host, metrics, state, growthMemory, limits, onStop } = context;
  const etcd = readEtcdAccess(config, process.env);
  context.reload.add(reloadableEtcdAccess(etcd, config, process.env));
  const store = {
    name: config.store,
    dataDirectory: config.dataDir,
    registryId: opened.identity.id.toString('hex'),
    bytesMax: config.storeBytesMax,
    fence: opened.fence.memory,
    etcd,
  };
  const growth = { memory: growthMemory, rates: growthRatesOf(limits.config) };
  const data = { store, fronts: context.fronts, limits: tableLimitsOf(limits.config), growth };
  const events = coordinatorEvents(context, audit);
  const coordinator = await CoordinatorThread.start(data, events, host.launchCoordinator);
  limits.onSet((changed) => coordinator.setLimits(tableLimitsOf(changed), growthRatesOf(changed)));
  state.coordinator = coordinator;
  state.tableLoaded = true;
  coordinatorMetrics(metrics, coordinator.stats, () => coordinator.queueLength);
  etcdMetrics(metrics, coordinator.stats, isShared(config.store) ? endPointsOf(config.store) : []);
  onStop(() => coordinator.close());
  return coordinator;
}

function coordinatorEvents(
  { observer, state, clients }: ServerContext,
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
    seatsExpired(seats) {
      for (const { clusterId, cluster, clientId, name, index } of seats) {
        log.warn(
          { clusterId, cluster, clientId, name, seat: index },
          'a round passed without a member: its seat is free',
        );
        const actor = { server: true } as const;
        const object = { cluster, id: clusterId, member: name };
        if (audit.isOn) audit.record({ actor, action: 'expire', object, outcome: 'done', time: Date.now() });
      }
    },
    ...(audit.isOn && {
      added(additions) {
        state.fronts?.readClients();
        for (const { action, clientId, clusterId, cluster, member, joinToken, joinTokens, time } of additions) {
          const actor = { client: clientId, address: clients.addressOf(clientId) };
          audit.record({
            actor,
            action,
            object: { cluster, id: clusterId, member, joinToken, joinTokens },
            outcome: 'done',
            time,
          });
        }
      },
    }),
    death: onDeath,
  };
}
