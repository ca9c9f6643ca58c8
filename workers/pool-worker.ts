import { startPoolWorker } from '../src/pool/worker.ts';

export default startPoolWorker();
