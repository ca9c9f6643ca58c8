// Thread entry of the coordinator (stages 3 and 4).
import { runCoordinator } from '../src/coordinator/thread/main.ts';

await runCoordinator();
