// A session that has come as far as it was to come, on whichever server of the registry that can be had.
import type { RegCred } from '../wire/reg-cred.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { isServerGone, type XlRegError } from './errors.ts';
import type { RegistrySession } from './registry-session.ts';
import { targetsOf } from './target.ts';

/** A session, and what came of its beginning. */
export interface BegunSession<T> {
  readonly session: RegistrySession;
  readonly begun: T;
}

/**
 * Connects, and does what is to be done first: `begin`, which has to bear that another server has done some of it, as Create
 * and Join do. If the server goes away meanwhile it is done again from the beginning with the next one, until each end point
 * has had its turn; `onSkipped` hears of those. Rejects as connect() and `begin` do; there is no open session then.
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
