// Start step 5: admission, the TCP port, and the credentials that name the port. The pool starts later, because
// the registry's own token names the port too. Connections that arrive before the pool runs are closed.
import { Admission } from '../admission/admission.ts';
import { growthLook } from '../admission/growth-budgets.ts';
import { credentialsOf } from '../identity/credentials.ts';
import { type Identity, writeRegCred } from '../identity/identity.ts';
import { admissionMetrics } from '../metrics/admission-metrics.ts';
import type { Listener } from '../net/connection.ts';
import { type HeldPort, holdPort } from '../net/tcp/port-guard.ts';
import { listenTcp, type TcpPort } from '../net/tcp/tcp-listener.ts';
import { printRegCred, type RegCred } from '../wire/reg-cred.ts';
import { listenPatiently } from './listen-patiently.ts';
import type { ServerContext } from './server-context.ts';

export interface BoundTcp {
  /** Undefined if the port is off. With further front ends it only holds the port for theirs, and must leave. */
  readonly listener: Listener | HeldPort | undefined;
  /** The bound port, for the listeners of further front ends. Undefined if the port is off. */
  readonly port: TcpPort | undefined;
  /** Shared by all ports. */
  readonly admission: Admission;
  readonly regCred: RegCred;
  /** The text of regCred.dat, already written to the data directory. */
  readonly regCredText: string;
}

/** Rejects with ListenError. */
export async function bindTcp(context: ServerContext, identity: Identity): Promise<BoundTcp> {
  const { config, observer, state, connections } = context;
  const admission = startAdmission(context);
  const wanted = config.tcp && {
    ...config.tcp,
    lingerTimeoutMs: config.lingerTimeoutMs,
    proxies: config.proxyProtocol,
    proxyHeaderTimeoutMs: config.helloTimeoutMs,
    isShared: context.fronts > 1,
  };
  const accept = connections.accept.bind(connections);
  const listen = ({ isShared, host, port }: TcpPort): Promise<Listener | HeldPort> => {
    return isShared ? holdPort(host, port) : listenTcp(wanted!, admission, accept);
  };
  const listener = wanted && (await listenPatiently(() => listen(wanted), observer.log));
  const port = listener && { ...wanted!, port: listener.port };
  if (listener) context.onStop(() => listener.close());
  const regCred = credentialsOf(identity, config, listener);
  const regCredText = printRegCred(regCred);
  state.regCred = regCred;
  await writeRegCred(config.dataDir, regCredText);
  return { listener, port, admission, regCred, regCredText };
}

function startAdmission(context: ServerContext): Admission {
  const { config, observer, metrics, state, admissionMemory, growthMemory, limits, ledger } = context;
  const { log } = observer;
  const { maxConnections } = limits.config;
  if (maxConnections < config.maxConnections)
    log.warn({ maxConnections }, 'the limit of open files lowers --max-connections');
  // Closed with the process: the watch for displaced connections keeps nothing alive.
  const admission = new Admission(limits.config, admissionMemory, 0, growthLook(growthMemory), (cause, address) => {
    ledger.count(cause, address);
    if (log.isLevelEnabled('debug')) log.debug({ cause, address }, 'a limit turned a client away');
  });
  limits.onSet((changed) => admission.setLimits(changed));
  admissionMetrics(
    metrics,
    () => limits.config.maxConnections,
    () => admission.counts,
    ledger,
  );
  state.admission = admission;
  return admission;
}
