// Fuzzes a worker in this thread with frames of the sealed dialect. A worker keeps no state between frames, so each frame
// can be a session's next one, however many were bad before it.

import { isDeepStrictEqual } from 'node:util';
import { judgeHello } from '../../src/connection/hello-kind.ts';
import { SEALED_REQUEST_FRAME_BYTES_MAX } from '../../src/limits.ts';
import { SEALED_HELLO_BYTES, SEALED_PROLOGUE } from '../../src/wire/sealed-hello.ts';
import { seededRandom } from '../durability/journal-load.ts';
import { below, choose, mutated, type Random } from './mutations.ts';
import { anyHello, decodeReply, encrypted, LoneWorker, type RecordedFrame } from './recorded-session.ts';

/** Frames and Hellos by what they are, and what was wrong with the replies. */
export interface WorkerReport {
  /** Frames whose ciphertext was changed, moved or repeated. */
  forged: number;
  /** Frames that authenticate, with a changed plaintext. */
  authentic: number;
  /** Ends of the authentic ones: refused in silence, told an error, answered. */
  readonly authenticEnds: { silent: number; told: number; answered: number };
  hellos: number;
  /** Broken promises, one line each with the case's number; must be empty. At most 20 are kept. */
  readonly broken: string[];
}

const BROKEN_MAX = 20;
/** Cases between two lines of the log. */
const LOG_EVERY = 1_000_000;
/** Shares of the cases; the rest are forged frames. */
const [HELLO_SHARE, AUTHENTIC_SHARE] = [0.005, 0.2];

class WorkerFuzz {
  readonly #worker = new LoneWorker();
  readonly #session: readonly RecordedFrame[] = this.#worker.record();
  /** Frames of another session: they fit in length, and never in key. */
  readonly #other: readonly RecordedFrame[] = this.#worker.record();
  readonly #frames = [...this.#session, ...this.#other].map(({ frame }) => frame);
  readonly #plains = this.#session.map(({ plain }) => plain);
  readonly #records = this.#session.map(({ record }) => Buffer.from(record));
  readonly report: WorkerReport = {
    ...{ forged: 0, authentic: 0, hellos: 0 },
    ...{ authenticEnds: { silent: 0, told: 0, answered: 0 }, broken: [] },
  };

  /** Runs one case. Throws what is wrong. */
  run(random: Random): void {
    const kind = random();
    if (kind < HELLO_SHARE) this.#hello(random);
    else if (kind < HELLO_SHARE + AUTHENTIC_SHARE) this.#authentic(random);
    else this.#forged(random);
  }

  /** Asserts that no case has changed a session. */
  close(): void {
    this.#worker.close();
    const after = this.#session.map(({ record }) => record);
    if (!isDeepStrictEqual(after, this.#records)) this.report.broken.push('a session record has changed');
  }

  #forged(random: Random): void {
    const { frame, record } = choose(random, this.#session);
    // One in eight is a whole frame at another place: replayed, ahead of its turn, or of another session.
    const source = random() < 0.125 ? choose(random, this.#frames) : frame;
    const bytes = source === frame ? mutated(frame, random, this.#frames, SEALED_REQUEST_FRAME_BYTES_MAX) : source;
    if (bytes.equals(frame)) return;
    this.report.forged += 1;
    const result = this.#worker.serve('message', bytes, record);
    if (result.kind !== 'silent' || result.why !== 'frame-forged') {
      throw new Error(`a forged frame of ${bytes.length} bytes ended as ${JSON.stringify(result.kind)}`);
    }
  }

  #authentic(random: Random): void {
    const { plain, record } = choose(random, this.#session);
    const changed = mutated(plain, random, this.#plains, SEALED_REQUEST_FRAME_BYTES_MAX - 16);
    // The front end refuses frames of fewer bytes.
    if (changed.length < 2) return;
    // Most keep the flag, or few would reach the parser.
    if (random() < 0.95) changed[0] = 0;
    this.report.authentic += 1;
    const kind = random() < 0.05 ? 'refuse' : 'message';
    const result = this.#worker.serve(kind, encrypted(changed, record), record);
    if (result.kind === 'incomplete') throw new Error('a frame was incomplete');
    if (result.kind === 'waiting') throw new Error('a registry without waits parked a request');
    if (result.kind === 'silent') {
      if (result.why !== 'message-undecodable') throw new Error(`an authentic frame ended as ${result.why}`);
      this.report.authenticEnds.silent += 1;
      return;
    }
    if (changed[0] !== 0) throw new Error(`a frame of flag ${changed[0]} was answered`);
    decodeReply(result.bytes, record);
    this.report.authenticEnds[result.why === undefined || result.why === 'bye' ? 'answered' : 'told'] += 1;
  }

  #hello(random: Random): void {
    this.report.hellos += 1;
    const good = anyHello(this.#worker, random);
    const hello = Buffer.from(good.subarray(0, SEALED_HELLO_BYTES));
    const kinds = { rsaBytes: 256, sealed: true };
    const changed = mutated(hello, random, [hello, ...this.#frames], 512);
    const verdict = judgeHello(changed, random() < 0.5, choose(random, ['tcp', 'ws']), kinds);
    const isSealed = changed.subarray(0, 16).equals(SEALED_PROLOGUE) && changed.length === SEALED_HELLO_BYTES;
    if ((verdict === 'sealed-hello') !== isSealed && verdict !== 'hello-early-bytes') {
      throw new Error(`a Hello of ${changed.length} bytes was judged ${verdict}`);
    }
    const result = this.#worker.serve('sealed-hello', good);
    if (result.kind === 'incomplete' || (result.kind === 'silent' && result.why !== 'hello-key-invalid')) {
      throw new Error(`a Hello with the right mac1 ended as ${JSON.stringify(result)}`);
    }
    const forged = Buffer.from(good);
    forged[16 + below(random, 48)]! ^= 1 << below(random, 8);
    const refused = this.#worker.serve('sealed-hello', forged);
    if (refused.kind !== 'silent' || refused.why !== 'hello-mac-wrong') throw new Error('a forged Hello was answered');
  }
}

/** Runs cases until `frames` frames were served. The seed determines every case but the keys. */
export function fuzzWorker(frames: number, seed: number, log?: (line: string) => void): WorkerReport {
  const fuzz = new WorkerFuzz();
  const { report } = fuzz;
  const started = performance.now();
  for (let at = 0; report.forged + report.authentic < frames && report.broken.length < BROKEN_MAX; at++) {
    try {
      fuzz.run(seededRandom(Math.imul(seed, 0x9e3779b1) + at));
    } catch (error) {
      report.broken.push(`case ${at}: ${(error as Error).message}`);
    }
    if (log && (at + 1) % LOG_EVERY === 0) {
      const rate = Math.round((at + 1) / ((performance.now() - started) / 1000));
      log(`${report.forged + report.authentic} frames in process, ${rate} cases a second`);
    }
  }
  fuzz.close();
  return report;
}
