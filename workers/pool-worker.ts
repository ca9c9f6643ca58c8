import { startPoolWorker } from '../src/pool/pool-worker.ts';

export default startPoolWorker();
