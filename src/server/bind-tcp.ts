// Stage 4 of a start: admission, the TCP port, and the credentials that name it. The port is bound before the pool starts,
// because the registry's own token names it; connections that come in between are turned away.
import { Admission } from '../admission/admission.ts';
import { GrowthBudgets } from '../admission/growth-budgets.ts';
import { Networks } from '../admission/ip-address.ts';
import { credentialsOf } from '../identity/credentials.ts';
import { type Identity, writeRegCred } from '../identity/identity.ts';
import { AdmissionMetrics } from '../metrics/admission-metrics.ts';
import type { Listener } from '../net/connection.ts';
import { listenTcp } from '../net/tcp/tcp-listener.ts';
import { printRegCred, type RegCred } from '../wire/reg-cred.ts';
import { listenPatiently } from './listen-patiently.ts';
import type { ServerContext } from './server-context.ts';

export interface BoundTcp {
  /** Undefined where the port is off. */
  readonly listener: Listener | undefined;
  /** Shared by all ports. */
  readonly admission: Admission;
  readonly regCred: RegCred;
  /** The same as the text of regCred.dat, which is in the data directory by now. */
  readonly regCredText: string;
}

/** Rejects with ListenError. */
export async function bindTcp(context: ServerContext, identity: Identity): Promise<BoundTcp> {
  const { config, observer, state, connections } = context;
  const admission = startAdmission(context);
  const site = config.tcp && {
    ...config.tcp,
    admission,
    lingerTimeoutMs: config.lingerTimeoutMs,
    proxies: new Networks(config.proxyProtocol),
    proxyHeaderTimeoutMs: config.helloTimeoutMs,
  };
  const accept = connections.accept.bind(connections);
  const listener = site && (await listenPatiently(() => listenTcp(site, accept), observer.log));
  if (listener) context.onStop(() => listener.close());
  const regCred = credentialsOf(identity, config, listener);
  const regCredText = printRegCred(regCred);
  state.regCred = regCred;
  await writeRegCred(config.dataDir, regCredText);
  return { listener, admission, regCred, regCredText };
}

function startAdmission({ config, observer, metrics, growth, maxConnections }: ServerContext): Admission {
  const { log } = observer;
  if (maxConnections < config.maxConnections) log.warn({ maxConnections }, 'the limit of open files allows no more');
  const admissionMetrics = new AdmissionMetrics(metrics, maxConnections, () => admission.counts);
  const budgets = new GrowthBudgets(growth.memory, growth.rates);
  const admission = new Admission({ ...config, maxConnections }, budgets, (cause, address) => {
    admissionMetrics.dropped(cause);
    log.debug({ cause, address }, 'a limit closed a connection');
  });
  return admission;
}
