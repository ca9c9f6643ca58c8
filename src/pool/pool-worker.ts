// What a worker of the pool sets up once: its way to the coordinator, and all that serving a batch needs.
import { workerData } from 'node:worker_threads';
import { CoordinatorPort } from '../coordinator/coordinator-port.ts';
import { modulusOf } from '../wire/rsa-key.ts';
import type { BatchResult } from './job.ts';
import type { PoolWorkerData } from './pool.ts';
import { pooledRandom } from './pooled-random.ts';
import { type BatchContext, serveBatch } from './serve-batch.ts';

/** Resolves to what the pool calls with each batch. */
export async function startPoolWorker(): Promise<(batch: Uint8Array) => Promise<BatchResult>> {
  const data = workerData as PoolWorkerData;
  const coordinator = await CoordinatorPort.open(data.coordinatorThreadId);
  const context: BatchContext = {
    commsKey: data.commsKey,
    modulus: modulusOf(data.commsKey),
    registryToken: data.registryToken,
    version: data.version,
    replyBytesMax: data.replyBytesMax,
    random: pooledRandom(),
    ask: (commands) => coordinator.ask(commands),
  };
  return (batch) => serveBatch(batch, context);
}
