// The join tokens of a run: one with as many uses as seats, and those that the operator adds after evictions.
import { hash } from 'node:crypto';
import type { TokenSpec } from '../../src/registry/join-token-spec.ts';

export class SimulatedTokens {
  /** Members are evicted, each with a use, so the operator adds tokens. */
  readonly mayAdd: boolean;
  /** Uses that are left by hash. */
  readonly #left: () => ReadonlyMap<string, number>;
  #made = 0;

  constructor(mayAdd: boolean, left: () => ReadonlyMap<string, number>) {
    this.mayAdd = mayAdd;
    this.#left = left;
  }

  /** Hash of the token that the cluster is created with. */
  readonly first = hashOf(0);

  /** Another token, with one use. */
  next(): TokenSpec {
    return { hash: hashOf(++this.#made), uses: 1, ttlMs: 0 };
  }

  /** The hash of a token with a use left, as the operator sees it; else of the first. */
  pick(): string {
    return [...this.#left()].find(([, left]) => left > 0)?.[0] ?? this.first;
  }
}

function hashOf(number: number): string {
  return hash('sha256', `token ${number}`, 'hex');
}
