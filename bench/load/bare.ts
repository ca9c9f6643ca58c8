// The unit everything is compared with: the crypto that a full session cannot avoid, in a loop on all cores at once. One
// RSA-2048 OAEP decrypt, two public-key imports, one verify, five AES decrypts, six AES encrypts.
import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  sign,
  verify,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { decryptBlocks, encryptBlocks } from '../../src/wire/aes-cbc.ts';

const LOOP_MS = 1_000;
const MESSAGE_BYTES = 80;

/** CPU microseconds of one session's crypto. */
export async function measureBare(): Promise<number> {
  const measured = await Promise.all(
    Array.from({ length: availableParallelism() }, () => {
      const worker = new Worker(new URL(import.meta.url));
      return new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }),
  );
  return measured.reduce((sum, microseconds) => sum + microseconds, 0) / measured.length;
}

function loop(): number {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
  const hello = publicEncrypt({ key: publicKey, ...oaep }, Buffer.alloc(60, 7));
  const pkcs1 = publicKey.export({ type: 'pkcs1', format: 'der' });
  const signed = Buffer.alloc(700, 3);
  const signature = sign('sha1', signed, privateKey);
  const [key, iv, message] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2), Buffer.alloc(MESSAGE_BYTES, 5)];
  let sessions = 0;
  const started = performance.now();
  const cpuBefore = threadCpuMicroseconds();
  while (performance.now() - started < LOOP_MS) {
    privateDecrypt({ key: privateKey, ...oaep }, hello);
    createPublicKey({ key: pkcs1, format: 'der', type: 'pkcs1' });
    verify('sha1', signed, createPublicKey({ key: pkcs1, format: 'der', type: 'pkcs1' }), signature);
    for (let i = 0; i < 5; i++) decryptBlocks(key, iv, message);
    for (let i = 0; i < 6; i++) encryptBlocks(key, iv, message);
    sessions += 1;
  }
  return (threadCpuMicroseconds() - cpuBefore) / sessions;
}

/** CPU time of the calling thread, from the kernel's scheduler: what else runs on the machine is not in it. */
function threadCpuMicroseconds(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'ascii').split(' ')[0]) / 1000;
}

if (!isMainThread) parentPort!.postMessage(loop());
