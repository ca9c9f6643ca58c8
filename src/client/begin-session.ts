// Opens a session and runs its first requests, with failover to the registry's other servers.
import type { RegCred } from '../wire/reg-cred.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { isServerGone, type XlRegError } from './errors.ts';
import type { RegistrySession } from './registry-session.ts';
import { targetsOf } from './target.ts';

/** A session and the result of its first requests. */
export interface BegunSession<T> {
  /** The open session; the caller closes it. */
  readonly session: RegistrySession;
  /** The result of `begin`. */
  readonly begun: T;
}

/**
 * Connects and runs `begin`. If the server goes away meanwhile, both start again with the next end point, until each
 * has been tried. `begin` must therefore be safe to repeat, as Create and Join are. `onSkipped` receives the abandoned
 * end points. Rejects as connect() and `begin` do, and then leaves no session open.
 *
 * @example
 * ```ts
 * const { session, begun } = await beginSession(regCred, {}, async (session) => {
 *   await session.identify(member);
 *   return await session.join('demo');
 * });
 * console.log(begun.clusterId);
 * await session.bye();
 * ```
 */
export async function beginSession<T>(
  regCred: RegCred,
  options: ConnectOptions,
  begin: (session: RegistrySession) => Promise<T>,
): Promise<BegunSession<T>> {
  for (let left = targetsOf(regCred, options).length - 1; ; left--) {
    const session = await connect(regCred, options);
    try {
      return { session, begun: await begin(session) };
    } catch (error) {
      await session[Symbol.asyncDispose]();
      if (left === 0 || !isServerGone(error)) throw error;
      options.onSkipped?.(session.address, error as XlRegError);
    }
  }
}
