// Sessions and messages as the front end sees them. What happens per message is counted in plain numbers and read at the
// scrape: a labelled counter costs as much as the rest of a message's way through this thread.
import { Counter, Gauge, type Registry } from 'prom-client';
import { FAULT_TEXT, REFUSAL_TEXT } from '../errors.ts';
import type { DialectName } from '../wire/hello.ts';
import { isOp, opName } from '../wire/message.ts';

type Transport = 'tcp' | 'ws';
/** `none` before the Hello. */
type Dialect = DialectName | 'none';

const TRANSPORTS: readonly Transport[] = ['tcp', 'ws'];
const DIALECTS: readonly Dialect[] = ['none', 'chained', 'prefixed'];

export class SessionMetrics {
  readonly #open = { tcp: none(), ws: none() };
  readonly #started = { tcp: none(), ws: none() };
  /** By Op; 0 stands for one out of range. */
  readonly #messages = new Array<number>(14).fill(0);
  readonly #ends = { tcp: noEnds(), ws: noEnds() };
  /** By the comms key they were under. */
  #twins = 0;
  readonly #hellos = { current: 0, previous: 0 };

  constructor(registry: Registry) {
    const registers = [registry];
    const ends = this.#ends;
    const started = this.#started;
    new Counter({
      name: 'xlreg_sessions_started_total',
      help: 'Sessions whose Hello was answered.',
      labelNames: ['dialect', 'transport'],
      registers,
      collect() {
        this.reset();
        for (const transport of TRANSPORTS) {
          for (const dialect of ['chained', 'prefixed'] as const) {
            this.inc({ dialect, transport }, started[transport][dialect]);
          }
        }
      },
    });
    const twins = () => this.#twins;
    new Counter({
      name: 'xlreg_client_twins_total',
      help: 'Times that sessions of one client ID were in use with different end points at once.',
      registers,
      collect() {
        this.reset();
        this.inc(twins());
      },
    });
    const hellos = this.#hellos;
    new Counter({
      name: 'xlreg_hellos_total',
      help: 'Hellos that were answered, by the comms key they were under: current, or the previous one.',
      labelNames: ['key'],
      registers,
      collect() {
        this.reset();
        for (const key of ['current', 'previous'] as const) this.inc({ key }, hellos[key]);
      },
    });
    new Counter({
      name: 'xlreg_sessions_ended_total',
      help: 'Connections that ended, by why; dialect is none where there was no good Hello.',
      labelNames: ['dialect', 'transport', 'end'],
      registers,
      collect() {
        this.reset();
        for (const transport of TRANSPORTS) {
          for (const dialect of DIALECTS) {
            for (const [end, count] of ends[transport][dialect]) this.inc({ dialect, transport, end }, count);
          }
        }
      },
    });
    /** All ends that have this text, whoever came to it. */
    const endedBy = (end: string) => {
      let count = 0;
      for (const transport of TRANSPORTS) {
        for (const dialect of DIALECTS) count += ends[transport][dialect].get(end) ?? 0;
      }
      return count;
    };
    new Counter({
      name: 'xlreg_faults_total',
      help: 'Violations of the protocol by peers.',
      labelNames: ['fault'],
      registers,
      collect() {
        this.reset();
        for (const fault of Object.keys(FAULT_TEXT)) this.inc({ fault }, endedBy(fault));
      },
    });
    new Counter({
      name: 'xlreg_refusals_total',
      help: 'Requests refused by the registry.',
      labelNames: ['refusal'],
      registers,
      collect() {
        this.reset();
        for (const refusal of Object.keys(REFUSAL_TEXT)) this.inc({ refusal }, endedBy(refusal));
      },
    });
    const open = this.#open;
    new Gauge({
      name: 'xlreg_sessions_open',
      help: 'Sessions there are; dialect is none for connections before their Hello.',
      labelNames: ['dialect', 'transport'],
      registers,
      collect() {
        for (const transport of TRANSPORTS) {
          for (const dialect of DIALECTS) this.set({ dialect, transport }, open[transport][dialect]);
        }
      },
    });
    const messages = this.#messages;
    new Counter({
      name: 'xlreg_messages_total',
      help: 'Messages answered, by their Op.',
      labelNames: ['op'],
      registers,
      collect() {
        this.reset();
        for (const [op, count] of messages.entries()) this.inc({ op: isOp(op) ? opName(op) : 'out-of-range' }, count);
      },
    });
  }

  opened(transport: Transport): void {
    this.#open[transport].none += 1;
  }

  greeted(dialect: DialectName, transport: Transport, previousKey: boolean): void {
    this.#hellos[previousKey ? 'previous' : 'current'] += 1;
    this.#open[transport].none -= 1;
    this.#open[transport][dialect] += 1;
    this.#started[transport][dialect] += 1;
  }

  /** A message was answered; 0 for an Op out of range. */
  served(op: number): void {
    this.#messages[op]! += 1;
  }

  /** One client ID is in use in two places. */
  twinSeen(): void {
    this.#twins += 1;
  }

  ended(transport: Transport, dialect: Dialect, end: string): void {
    this.#open[transport][dialect] -= 1;
    const ends = this.#ends[transport][dialect];
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
}

function none(): Record<Dialect, number> {
  return { none: 0, chained: 0, prefixed: 0 };
}

/** How often each end was met; the ends there are bound it. */
function noEnds(): Record<Dialect, Map<string, number>> {
  return { none: new Map(), chained: new Map(), prefixed: new Map() };
}
