// Measures bare, the unit of comparison: the crypto that a full session cannot avoid, in a loop on all cores at once.
// One RSA-2048 OAEP decrypt, two public-key imports, one verify, five AES decrypts, six AES encrypts. It counts CPU
// time of the looping threads, so other load on the machine adds little.
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
  /** All crypto of a full session. */
  readonly session: number;
  /** The RSA decrypt of a Hello alone. */
  readonly helloDecrypt: number;
}

/** Stretches of each loop. The loops alternate, because the speed of a core varies. */
const STRETCHES = 4;
const SESSION_STRETCH_MS = 130;
const DECRYPT_STRETCH_MS = 50;
const MESSAGE_BYTES = 80;

/** One thread for each core, started at the first measurement. Unreferenced, so the process can end. */
let threads: Promise<readonly Worker[]> | undefined;

/** Loops on all cores concurrently; resolves to the mean. */
export async function measureBare(): Promise<Bare> {
  threads ??= Promise.all(Array.from({ length: availableParallelism() }, startThread));
  return meanBare(await Promise.all((await threads).map(measureIn)));
}

/** Alternates bare loops and `measure`, `turns` times, so that other load on the machine affects both alike. */
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

/** Starts a thread; resolves when it has made its keys. */
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

/** Prepares the loops in a thread. The returned function measures once. */
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
      loops.session.runFor(SESSION_STRETCH_MS);
      loops.helloDecrypt.runFor(DECRYPT_STRETCH_MS);
    }
    return { session: loops.session.cpuMicroseconds, helloDecrypt: loops.helloDecrypt.cpuMicroseconds };
  };
}

/** Measures the CPU time of one call over all its stretches. */
class Loop {
  readonly #run: () => void;
  #runs = 0;
  #nanoseconds = 0;

  constructor(run: () => void) {
    this.#run = run;
  }

  runFor(milliseconds: number): void {
    const deadline = performance.now() + milliseconds;
    const before = threadCpuNanoseconds();
    for (; performance.now() < deadline; this.#runs++) this.#run();
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
