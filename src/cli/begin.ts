// Opens sessions for client commands: tries the end points in turn, and explains a refused Hello.
import { explained } from '../client/changed-registry.ts';
import {
  type BegunSession,
  beginSession,
  type ConnectOptions,
  connect,
  type RegCred,
  type RegistrySession,
} from '../client/index.ts';

/** beginSession(), with an explained error if the Hello is refused. */
export function begin<T>(
  regCred: RegCred,
  options: ConnectOptions,
  work: (session: RegistrySession) => Promise<T>,
): Promise<BegunSession<T>> {
  return explaining(beginSession(regCred, options, work), regCred, options);
}

/** connect(), with an explained error if the Hello is refused. */
export function connectExplained(regCred: RegCred, options: ConnectOptions): Promise<RegistrySession> {
  return explaining(connect(regCred, options), regCred, options);
}

async function explaining<T>(opened: Promise<T>, regCred: RegCred, options: ConnectOptions): Promise<T> {
  try {
    return await opened;
  } catch (error) {
    throw await explained(error, regCred, options);
  }
}
