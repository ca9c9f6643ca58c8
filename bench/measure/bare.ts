// The unit everything is compared with: the crypto that a full session cannot avoid, in a loop on all cores at once. One
// RSA-2048 OAEP decrypt, two public-key imports, one verify, five AES decrypts, six AES encrypts. It is counted in CPU time
// of the looping threads, so that what else the machine does adds nothing to it.
import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  sign,
  verify,
} from 'node:crypto';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { decryptBlocks, encryptBlocks } from '../../src/wire/aes-cbc.ts';
import { threadCpuNanoseconds } from './thread-cpu.ts';

/** CPU microseconds of bare crypto. */
export interface Bare {
  /** All of a full session. */
  readonly session: number;
  /** The RSA decrypt of a Hello alone. */
  readonly helloDecrypt: number;
}

const SESSION_LOOP_MS = 700;
const DECRYPT_LOOP_MS = 300;
const MESSAGE_BYTES = 80;

/** The mean over all cores, each of which loops in a thread of its own at the same time. */
export async function measureBare(): Promise<Bare> {
  const measured = await Promise.all(
    Array.from({ length: availableParallelism() }, () => {
      const worker = new Worker(new URL(import.meta.url));
      return new Promise<Bare>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }),
  );
  return meanBare(...measured);
}

/** The mean of measurements, as of one before and one after. */
export function meanBare(...measured: readonly Bare[]): Bare {
  const mean = (of: keyof Bare) => measured.reduce((sum, bare) => sum + bare[of], 0) / measured.length;
  return { session: mean('session'), helloDecrypt: mean('helloDecrypt') };
}

/** Measures between two bare loops: what else the machine is doing then meets all three. */
export async function besideBare<T>(measure: () => Promise<T>): Promise<{ measured: T; bare: Bare }> {
  const before = await measureBare();
  const measured = await measure();
  return { measured, bare: meanBare(before, await measureBare()) };
}

function loop(): Bare {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
  const hello = publicEncrypt({ key: publicKey, ...oaep }, Buffer.alloc(60, 7));
  const pkcs1 = publicKey.export({ type: 'pkcs1', format: 'der' });
  const signed = Buffer.alloc(700, 3);
  const signature = sign('sha1', signed, privateKey);
  const [key, iv, message] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2), Buffer.alloc(MESSAGE_BYTES, 5)];
  const decryptHello = () => privateDecrypt({ key: privateKey, ...oaep }, hello);
  const session = () => {
    decryptHello();
    createPublicKey({ key: pkcs1, format: 'der', type: 'pkcs1' });
    verify('sha1', signed, createPublicKey({ key: pkcs1, format: 'der', type: 'pkcs1' }), signature);
    for (let i = 0; i < 5; i++) decryptBlocks(key, iv, message);
    for (let i = 0; i < 6; i++) encryptBlocks(key, iv, message);
  };
  return {
    session: cpuMicroseconds(session, SESSION_LOOP_MS),
    helloDecrypt: cpuMicroseconds(decryptHello, DECRYPT_LOOP_MS),
  };
}

/** CPU of one call, from as many as fit into a stretch of time. */
function cpuMicroseconds(run: () => void, milliseconds: number): number {
  let runs = 0;
  const until = performance.now() + milliseconds;
  const before = threadCpuNanoseconds();
  for (; performance.now() < until; runs++) run();
  return (threadCpuNanoseconds() - before) / runs / 1_000;
}

if (!isMainThread) parentPort!.postMessage(loop());
