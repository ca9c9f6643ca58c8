// Counts of the sessions and messages of one front end, in shared memory: the front end counts, the main thread reads.
import { DROP_CAUSES, type DropCause } from '../admission/admission-limits.ts';
import { FAULT_TEXT, type Fault, REFUSAL_TEXT, type Refusal } from '../errors.ts';
import type { CounterAllocator, SharedCounter } from '../shared-memory/shared-counter.ts';
import { SESSION_DIALECTS, type SessionDialect } from '../wire/hello.ts';
import { Op } from '../wire/message.ts';

export type Transport = 'tcp' | 'ws';
/** `none` before the Hello. */
export type Dialect = SessionDialect | 'none';

export const TRANSPORTS: readonly Transport[] = ['tcp', 'ws'];
export const DIALECTS: readonly Dialect[] = ['none', ...SESSION_DIALECTS];

/** Ends that are neither a fault, nor a refusal, nor a limit. */
const OTHER_ENDS = [
  ...(['bye', 'peer-closed', 'idle', 'write-timeout', 'overload', 'worker-failed', 'front-failed', 'stopped'] as const),
] as const;

/** The end of a session, for logs and metrics. `front-failed`: the thread of its front end failed. */
export type SessionEnd = Fault | Refusal | DropCause | (typeof OTHER_ENDS)[number];

const ENDS = [
  ...new Set([...Object.keys(FAULT_TEXT), ...Object.keys(REFUSAL_TEXT), ...DROP_CAUSES, ...OTHER_ENDS]),
] as SessionEnd[];
const OPS = [0, ...Object.values(Op)];

type ByDialect = Readonly<Record<Transport, Readonly<Record<Dialect, SharedCounter>>>>;
type Ends = Readonly<Record<Transport, Readonly<Record<Dialect, ReadonlyMap<string, SharedCounter>>>>>;

export class SessionCounters {
  readonly #open: ByDialect;
  readonly #started: ByDialect;
  readonly #ends: Ends;
  /** By Op; index 0 counts Ops out of range. */
  readonly #messages: ReadonlyMap<number, SharedCounter>;
  readonly #twins: SharedCounter;
  /** By the comms key of the Hello. */
  readonly #hellos: { readonly current: SharedCounter; readonly previous: SharedCounter };

  constructor(memory: CounterAllocator) {
    this.#open = byDialect(() => memory.counter());
    this.#started = byDialect(() => memory.counter());
    this.#ends = byDialect(() => new Map(ENDS.map((end) => [end, memory.counter()])));
    this.#messages = new Map(OPS.map((op) => [op, memory.counter()]));
    this.#twins = memory.counter();
    this.#hellos = { current: memory.counter(), previous: memory.counter() };
  }

  open(transport: Transport, dialect: Dialect): number {
    return this.#open[transport][dialect].value;
  }

  started(transport: Transport, dialect: SessionDialect): number {
    return this.#started[transport][dialect].value;
  }

  /** The ends that happened, with their counts. */
  ends(transport: Transport, dialect: Dialect): (readonly [end: string, count: number])[] {
    const counts = [...this.#ends[transport][dialect]].map(([end, { value }]) => [end, value] as const);
    return counts.filter(([, count]) => count > 0);
  }

  /** Answered messages, by Op. */
  get messages(): (readonly [op: number, count: number])[] {
    return [...this.#messages].map(([op, { value }]) => [op, value] as const);
  }

  get twins(): number {
    return this.#twins.value;
  }

  get hellos(): { readonly current: number; readonly previous: number } {
    return { current: this.#hellos.current.value, previous: this.#hellos.previous.value };
  }

  opened(transport: Transport): void {
    this.#open[transport].none.value += 1;
  }

  greeted(dialect: SessionDialect, transport: Transport, previousKey: boolean): void {
    if (dialect !== 'sealed') this.#hellos[previousKey ? 'previous' : 'current'].value += 1;
    this.#open[transport].none.value -= 1;
    this.#open[transport][dialect].value += 1;
    this.#started[transport][dialect].value += 1;
  }

  /** Counts an answered message; `op` is 0 for an Op out of range. */
  served(op: number): void {
    this.#messages.get(op)!.value += 1;
  }

  /** Counts a client ID that is in use in two places. */
  twinSeen(): void {
    this.#twins.value += 1;
  }

  ended(transport: Transport, dialect: Dialect, end: SessionEnd): void {
    this.#open[transport][dialect].value -= 1;
    this.#ends[transport][dialect].get(end)!.value += 1;
  }

  /** Ends the open sessions of a front end that runs no more. */
  failed(): void {
    for (const transport of TRANSPORTS) {
      for (const dialect of DIALECTS) {
        const open = this.#open[transport][dialect];
        this.#ends[transport][dialect].get('front-failed')!.value += open.value;
        open.value = 0;
      }
    }
  }
}

/** A value for each dialect over each transport. */
function byDialect<T>(value: () => T): Readonly<Record<Transport, Readonly<Record<Dialect, T>>>> {
  const ofTransport = () => ({ none: value(), chained: value(), prefixed: value(), sealed: value() });
  return { tcp: ofTransport(), ws: ofTransport() };
}
