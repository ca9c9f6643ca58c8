import { runCoordinator } from '../src/coordinator/coordinator-thread.ts';

await runCoordinator();
