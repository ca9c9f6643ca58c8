// Thread entry of a worker of the pool (stages 2 and 5).
import { startPoolWorker } from '../src/pool/worker.ts';

export default startPoolWorker();
