// A model of one server. Sessions pass through its threads step by step, as docs/explanation/architecture.md describes.
// The coordinator takes the waiting questions as one batch, catches up, applies, commits and replies. Between these
// steps its thread may replay watch events.
import type { EventQueue } from './event-queue.ts';
import { Machine, Threads } from './machine.ts';
import { CHANGES, KEYS, type Members, PARAMETERS } from './parameters.ts';
import type { StoreModel } from './stores.ts';

/** Hello, Client, Create, Join, GetCluster, Bye. The four in the middle ask the coordinator. */
const STEPS = 6;
const ASKING = 4;

interface Question {
  readonly step: number;
  readonly answer: () => void;
}

export class Server {
  readonly machine: Machine;
  readonly #main: Threads;
  readonly #workers: Threads;
  readonly #coordinator: Threads;
  readonly #generator: Threads | undefined;
  readonly #store: StoreModel;
  readonly #random: () => number;
  readonly #members: Members;
  #waiting: Question[] = [];
  #working = false;

  /** With `generator`, the load comes from a thread on the server's own cores. */
  constructor(events: EventQueue, store: StoreModel, random: () => number, members: Members, generator: boolean) {
    const cores = PARAMETERS.cores.value;
    this.machine = new Machine(events, cores);
    this.#main = new Threads(this.machine, 1);
    this.#workers = new Threads(this.machine, cores);
    this.#coordinator = new Threads(this.machine, 1);
    this.#generator = generator ? new Threads(this.machine, 1) : undefined;
    this.#store = store;
    this.#random = random;
    this.#members = members;
  }

  /** Serves a session from its first message to its last reply. */
  serve(done: () => void, step = 0): void {
    if (step === STEPS) return done();
    const next = () => this.serve(done, step + 1);
    const { hello, worker } = PARAMETERS;
    const work = step === 0 ? hello.value : (worker.value - hello.value) / (STEPS - 1);
    const enter = () =>
      this.#main.do(PARAMETERS.mainThread.value / STEPS, () =>
        this.#workers.do(work, () => {
          if (step === 0 || step === STEPS - 1) next();
          else this.#ask({ step: step - 1, answer: next });
        }),
      );
    if (this.#generator) this.#generator.do(PARAMETERS.generator.value / STEPS, enter);
    else enter();
  }

  /** Replays the watch events of `keys` written keys; any server may have written them. */
  replay(keys: number): void {
    this.#coordinator.do(keys * PARAMETERS.watchEvent.value, () => {});
  }

  #ask(question: Question): void {
    this.#waiting.push(question);
    if (!this.#working) this.#work();
  }

  #work(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#working = batch.length > 0;
    if (!this.#working) return;
    this.#store.catchUp(() => {
      const { changes, keys } = this.#changesOf(batch);
      const apply = (batch.length * PARAMETERS.coordinator.value) / ASKING;
      this.#coordinator.do(apply + this.#store.commitWork(changes), () =>
        this.#store.commit(changes, keys, () => {
          for (const { answer } of batch) answer();
          this.#work();
        }),
      );
    });
  }

  #changesOf(batch: readonly Question[]): { changes: number; keys: number } {
    let [changes, keys] = [0, 0];
    for (const { step } of batch) {
      if (this.#random() >= CHANGES[this.#members][step]!) continue;
      changes += 1;
      keys += KEYS[step]!;
    }
    return { changes, keys };
  }
}
