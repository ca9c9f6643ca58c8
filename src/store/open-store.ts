// Which store a name means.
import { MemoryStore } from './memory-store.ts';
import type { Store } from './store.ts';

/** `--store`. */
export const STORE_NAMES = ['memory'] as const;
export type StoreName = (typeof STORE_NAMES)[number];

/** Opens it. */
export function openStore(name: StoreName): Store {
  switch (name) {
    case 'memory':
      return new MemoryStore();
  }
}
