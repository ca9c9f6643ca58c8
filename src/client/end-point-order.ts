// In which order the places of a registry are tried: the one that worked last first, the one that failed last behind all
// others. Remembered for as long as the credentials live, one address of each kind.
import type { RegCred } from '../wire/reg-cred.ts';
import { printTarget, type Target } from './target.ts';

interface Remembered {
  readonly worked: string | undefined;
  readonly failed: string | undefined;
}

const remembered = new WeakMap<RegCred, Remembered>();

/** What a caller may know from another process; what this one has seen counts for more. */
export interface OrderHints {
  /** Tried first if it is among the targets: `HOST:PORT` or a WebSocket URL, as RegistrySession.address has it. */
  readonly first?: string | undefined;
}

/** The targets in the order to try them; all that nothing is known of stay as they were. */
export function inOrder(regCred: RegCred, targets: readonly Target[], { first }: OrderHints): Target[] {
  const { worked = first, failed } = remembered.get(regCred) ?? {};
  const rank = (target: Target) => {
    const address = printTarget(target);
    if (address === failed) return 2;
    return address === worked ? 0 : 1;
  };
  return targets.toSorted((one, other) => rank(one) - rank(other));
}

/** A session has begun there. */
export function rememberWorked(regCred: RegCred, address: string): void {
  const failed = remembered.get(regCred)?.failed;
  remembered.set(regCred, { worked: address, failed: failed === address ? undefined : failed });
}

/** No session came about there, or one was lost. */
export function rememberFailed(regCred: RegCred, address: string): void {
  const worked = remembered.get(regCred)?.worked;
  remembered.set(regCred, { worked: worked === address ? undefined : worked, failed: address });
}
