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
import { once } from 'node:events';
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

/** Of each loop, in turns, since a core is not as fast in each of them. */
const STRETCHES = 4;
const SESSION_STRETCH_MS = 130;
const DECRYPT_STRETCH_MS = 50;
const MESSAGE_BYTES = 80;

/** A thread for each core, from the first measurement on; they keep no process from ending. */
let threads: Promise<readonly Worker[]> | undefined;

/** The mean over all cores, each of which loops in a thread of its own at the same time. */
export async function measureBare(): Promise<Bare> {
  threads ??= Promise.all(Array.from({ length: availableParallelism() }, startThread));
  return meanBare(await Promise.all((await threads).map(measureIn)));
}

/** Measures between two bare loops, so often in turns: what else the machine is doing meets both. */
export async function besideBare<T>(turns: number, measure: () => Promise<T>): Promise<{ measured: T[]; bare: Bare }> {
  const loops = [await measureBare()];
  const measured: T[] = [];
  for (let turn = 0; turn < turns; turn++) {
    measured.push(await measure());
    loops.push(await measureBare());
  }
  return { measured, bare: meanBare(loops) };
}

function meanBare(measured: readonly Bare[]): Bare {
  const mean = (of: keyof Bare) => measured.reduce((sum, bare) => sum + bare[of], 0) / measured.length;
  return { session: mean('session'), helloDecrypt: mean('helloDecrypt') };
}

/** Resolves when it has its keys. */
async function startThread(): Promise<Worker> {
  const thread = new Worker(new URL(import.meta.url));
  await once(thread, 'message');
  thread.unref();
  return thread;
}

async function measureIn(thread: Worker): Promise<Bare> {
  thread.ref();
  thread.postMessage('measure');
  const [bare] = (await once(thread, 'message')) as [Bare];
  thread.unref();
  return bare;
}

/** What a thread does when it is asked to measure. */
function prepareLoops(): () => Bare {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
  const hello = publicEncrypt({ key: publicKey, ...oaep }, Buffer.alloc(60, 7));
  const pkcs1 = publicKey.export({ type: 'pkcs1', format: 'der' });
  const signed = Buffer.alloc(700, 3);
  const signature = sign('sha1', signed, privateKey);
  const [key, iv, message] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2), Buffer.alloc(MESSAGE_BYTES, 5)];
  const helloDecrypt = () => privateDecrypt({ key: privateKey, ...oaep }, hello);
  const session = () => {
    helloDecrypt();
    createPublicKey({ key: pkcs1, format: 'der', type: 'pkcs1' });
    verify('sha1', signed, createPublicKey({ key: pkcs1, format: 'der', type: 'pkcs1' }), signature);
    for (let i = 0; i < 5; i++) decryptBlocks(key, iv, message);
    for (let i = 0; i < 6; i++) encryptBlocks(key, iv, message);
  };
  return () => {
    const loops = { session: new Loop(session), helloDecrypt: new Loop(helloDecrypt) };
    for (let stretch = 0; stretch < STRETCHES; stretch++) {
      loops.session.goOn(SESSION_STRETCH_MS);
      loops.helloDecrypt.goOn(DECRYPT_STRETCH_MS);
    }
    return { session: loops.session.cpuMicroseconds, helloDecrypt: loops.helloDecrypt.cpuMicroseconds };
  };
}

/** CPU of one call, from as many as fit into its stretches of time. */
class Loop {
  readonly #run: () => void;
  #runs = 0;
  #nanoseconds = 0;

  constructor(run: () => void) {
    this.#run = run;
  }

  goOn(milliseconds: number): void {
    const until = performance.now() + milliseconds;
    const before = threadCpuNanoseconds();
    for (; performance.now() < until; this.#runs++) this.#run();
    this.#nanoseconds += threadCpuNanoseconds() - before;
  }

  get cpuMicroseconds(): number {
    return this.#nanoseconds / this.#runs / 1_000;
  }
}

if (!isMainThread) {
  const measure = prepareLoops();
  parentPort!.on('message', () => parentPort!.postMessage(measure()));
  parentPort!.postMessage('ready');
}
