// The memory store keeps the promises of a store.

import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { storeContract } from './store-contract.ts';

storeContract('memory', () => new MemoryStore());
