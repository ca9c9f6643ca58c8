// A server in the simulation: the real table and coordinator, behind a socket buffer and two workers that take their
// time. It can be stopped, stalled, cut off from its store, and killed.
import { BodyMaker } from '../../src/coordinator/body-maker.ts';
import { Coordinator } from '../../src/coordinator/coordinator.ts';
import type { CoordinatorObserver } from '../../src/coordinator/coordinator-observer.ts';
import type { Decision } from '../../src/registry/barrier.ts';
import type { Cluster } from '../../src/registry/cluster.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command, OperatorCommand, Registration, Reply } from '../../src/registry/command.ts';
import type { Outcome } from '../../src/registry/outcome.ts';
import type { Mark } from '../../src/registry/round-clock.ts';
import { NO_LIMITS, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { SimulatedStore, type StoreWorld } from './simulated-store.ts';
import type { Variant } from './variants.ts';
import type { Owner } from './virtual-time.ts';

/** A message on its way through a server. */
export interface Message {
  readonly command: Command;
  readonly answered: (reply: Reply) => void;
  arrivedAt: number;
}

interface Worker {
  readonly jobs: (Message | { readonly mark: () => void })[];
  readonly asked: Set<Promise<unknown>>;
  busy: boolean;
  stalledUntil: number;
}

const SILENT: CoordinatorObserver = {
  batch() {},
  filled() {},
  displaced() {},
  replaced() {},
  expired() {},
  full() {},
  unreachable() {},
  answerable() {},
  broken() {},
};
const MARK_MS = 1_000;

class SimulatedTable extends ClusterTable {
  readonly #variant: Variant;
  readonly #clusterId: string;
  readonly #expiring: () => void;
  #confirmedHere = false;
  /** The roster that the last completion was decided on. */
  decided: string[] | undefined;

  constructor(now: number, variant: Variant, clusterId: string, expiring: () => void) {
    super(REGISTRY_ID, NO_LIMITS, now, true);
    this.#variant = variant;
    this.#clusterId = clusterId;
    this.#expiring = expiring;
    this.setRosterMaker(new BodyMaker(REGISTRY_ID, 1, () => 0));
  }

  override apply(command: Command | OperatorCommand, now: number): Outcome {
    const cluster = this.cluster(this.#clusterId);
    if (cluster) this.#variant.beforeCommand?.(command, cluster);
    const outcome = super.apply(command, now);
    return this.#variant.answered?.(outcome) ?? outcome;
  }

  override decideRounds(now: number, newRound: () => string, count: number): Decision[] {
    const cluster = this.cluster(this.#clusterId);
    if (cluster) this.#variant.beforeDecision?.(cluster);
    const roster = cluster ? rosterText(cluster) : [];
    const decisions = super.decideRounds(now, newRound, count);
    const kept = decisions.filter((decision) => {
      if (this.#variant.keeps?.(decision, this.#confirmedHere) !== false) return true;
      decision.undo();
      return false;
    });
    this.#confirmedHere = kept.some(({ changes }) => changes.some(({ kind }) => kind === 'confirmation'));
    if (kept.some(({ event }) => event?.kind === 'completed')) this.decided = roster;
    if (kept.some(({ event }) => event?.kind === 'expired')) this.#expiring();
    return kept;
  }

  override ageRounds(mark: Mark, storeAnswers: boolean): boolean {
    const before = this.#round?.ageMs ?? 0;
    const due = super.ageRounds(this.#variant.seenMark?.(mark) ?? mark, storeAnswers);
    this.#plantAge(before);
    return due;
  }

  override setRoundsBack(): void {
    const before = this.#round?.ageMs ?? 0;
    super.setRoundsBack();
    this.#plantAge(before);
  }

  get #round() {
    return this.cluster(this.#clusterId)?.round;
  }

  #plantAge(before: number): void {
    const round = this.#round;
    if (round && round.ageMs < before) this.#variant.setBack?.(round);
  }
}

export class SimulatedServer implements Owner {
  dead = false;
  frozenUntil = 0;
  readonly store: SimulatedStore;
  readonly table: SimulatedTable;
  readonly coordinator: Coordinator;
  readonly #world: StoreWorld;
  readonly #variant: Variant;
  readonly #rate: number;
  readonly #offset: number;
  readonly #inbox: Message[] = [];
  readonly #workers: Worker[] = [];
  readonly #unserved = new Set<Message>();
  #marks = 0;
  #dueMarkSentAt = 0;
  #reading = false;
  ready = false;

  constructor(world: StoreWorld, number: number, variant: Variant, clusterId: string, failed: (what: string) => void) {
    const { random } = world;
    this.#world = world;
    this.#variant = variant;
    this.#rate = random.between(0.999, 1.001);
    this.#offset = random.between(0, 1e6);
    this.store = new SimulatedStore(world, this, number, (request) => {
      return variant.edit?.(request, this.table.cluster(clusterId)) ?? request;
    });
    this.table = new SimulatedTable(this.#clock(), variant, clusterId, () => this.#expiring(failed));
    let made = 0;
    const newRound = () => variant.newRound?.(++made) ?? random.hex(16);
    const clock = () => this.#clock();
    this.coordinator = new Coordinator(
      this.table,
      this.store,
      SILENT,
      clock,
      undefined,
      undefined,
      undefined,
      newRound,
    );
    for (let worker = 0; worker < 2; worker++) {
      this.#workers.push({ jobs: [], asked: new Set(), busy: false, stalledUntil: 0 });
    }
    void this.#start();
  }

  /** A message has arrived in the socket's buffer. */
  receive(message: Message): void {
    if (this.dead || !this.ready) return;
    message.arrivedAt = this.#world.time.now;
    this.#inbox.push(message);
    this.#unserved.add(message);
    if (this.#reading) return;
    this.#reading = true;
    this.#world.time.schedule(this.#world.random.between(0, 3), this, () => this.#read());
  }

  stallWorker(ms: number): void {
    const worker = this.#workers[this.#world.random.whole(0, 1)]!;
    worker.stalledUntil = this.#world.time.now + ms;
  }

  stallWorkers(ms: number): void {
    for (const worker of this.#workers) worker.stalledUntil = this.#world.time.now + ms;
  }

  async #start(): Promise<void> {
    await this.coordinator.load();
    this.ready = true;
    const { time, random } = this.#world;
    const sweep = () => {
      this.coordinator.sweep();
      time.schedule(MARK_MS, this, sweep);
    };
    const mark = () => {
      this.#mark();
      time.schedule(MARK_MS, this, mark);
    };
    time.schedule(random.between(0, MARK_MS), this, sweep);
    time.schedule(random.between(0, MARK_MS), this, mark);
  }

  #clock(): number {
    return this.#world.time.now * this.#rate + this.#offset;
  }

  /** Reads all sockets and hands the messages to the workers. */
  #read(): void {
    this.#reading = false;
    for (const message of this.#inbox.splice(0)) {
      this.#give(this.#workers[this.#world.random.whole(0, 1)]!, message);
    }
  }

  #mark(): void {
    if (this.coordinator.openRounds === 0) return;
    const number = ++this.#marks;
    const sentAt = this.#clock();
    const realSentAt = this.#world.time.now;
    const back = () => {
      this.#dueMarkSentAt = realSentAt;
      this.coordinator.marked({ number, sentAt, backAt: this.#clock() });
    };
    if (this.#variant.marksBypass) return back();
    this.#read();
    let left = this.#workers.length;
    for (const worker of this.#workers) this.#give(worker, { mark: () => --left === 0 && back() });
  }

  #give(worker: Worker, job: Worker['jobs'][number]): void {
    worker.jobs.push(job);
    if (!worker.busy) void this.#work(worker);
  }

  async #work(worker: Worker): Promise<void> {
    const { time, random } = this.#world;
    worker.busy = true;
    for (let job = worker.jobs.shift(); job; job = worker.jobs.shift()) {
      await time.sleep(Math.max(random.between(0, 4), worker.stalledUntil - time.now), this);
      if ('mark' in job) {
        const { mark } = job;
        void Promise.all(worker.asked).then(mark);
        continue;
      }
      const message = job;
      this.#unserved.delete(message);
      const asked = this.coordinator.ask([message.command]).then(([reply]) => {
        worker.asked.delete(asked);
        message.answered(reply!);
      });
      worker.asked.add(asked);
    }
    worker.busy = false;
  }

  /** A round ends here: nothing that had arrived before the last mark may be unserved. */
  #expiring(failed: (what: string) => void): void {
    for (const { command, arrivedAt } of this.#unserved) {
      const round = 'round' in command ? command.round : undefined;
      if (round && arrivedAt < this.#dueMarkSentAt) failed('a round ended before what had arrived was read');
    }
  }
}

function rosterText({ seats }: Cluster): string[] {
  const text = ({ clientId, token }: Registration) => `${clientId} ${Buffer.from(token).toString('hex')}`;
  return seats.flatMap((member, index) => (member ? [`${index} ${text(member)}`] : []));
}
