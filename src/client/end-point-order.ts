// Orders the addresses of a registry: the last that worked comes first, the last that failed comes last. Remembers one
// address of each kind for as long as the credentials object lives.
import type { RegCred } from '../wire/reg-cred.ts';
import { printTarget, type Target } from './target.ts';

interface Remembered {
  readonly worked: string | undefined;
  readonly failed: string | undefined;
}

const remembered = new WeakMap<RegCred, Remembered>();

/** Knowledge of another process. This process's own experience takes precedence. */
export interface OrderHints {
  /** Address to try first if it is among the targets: `HOST:PORT` or a WebSocket URL, as in RegistrySession.address. */
  readonly first?: string | undefined;
}

/** Returns the targets in the order to try. Targets without history keep their order. */
export function inOrder(regCred: RegCred, targets: readonly Target[], { first }: OrderHints): Target[] {
  const { worked = first, failed } = remembered.get(regCred) ?? {};
  const rank = (target: Target) => {
    const address = printTarget(target);
    if (address === failed) return 2;
    return address === worked ? 0 : 1;
  };
  return targets.toSorted((one, other) => rank(one) - rank(other));
}

/** Records that a session began at this address. */
export function rememberWorked(regCred: RegCred, address: string): void {
  const failed = remembered.get(regCred)?.failed;
  remembered.set(regCred, { worked: address, failed: failed === address ? undefined : failed });
}

/** Records that no session began at this address, or that one was lost. */
export function rememberFailed(regCred: RegCred, address: string): void {
  const worked = remembered.get(regCred)?.worked;
  remembered.set(regCred, { worked: worked === address ? undefined : worked, failed: address });
}
