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
  return beginSession(regCred, options, work).catch(async (error: unknown) => {
    throw await explained(error, regCred, options);
  });
}

/** connect(), with an explained error if the Hello is refused. */
export function connectExplained(regCred: RegCred, options: ConnectOptions): Promise<RegistrySession> {
  return connect(regCred, options).catch(async (error: unknown) => {
    throw await explained(error, regCred, options);
  });
}
