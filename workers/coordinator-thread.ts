import { runCoordinator } from '../src/coordinator/thread/main.ts';

await runCoordinator();
