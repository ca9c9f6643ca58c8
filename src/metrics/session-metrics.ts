// Metrics of sessions and messages, counted by the front end in plain numbers and read at the scrape.
import type { Registry } from 'prom-client';
import { FAULT_TEXT, REFUSAL_TEXT } from '../errors.ts';
import { SESSION_DIALECTS, type SessionDialect } from '../wire/hello.ts';
import { isOp, Op, opName } from '../wire/message.ts';
import { ScrapedMetrics } from './scraped-metrics.ts';

type Transport = 'tcp' | 'ws';
/** `none` before the Hello. */
type Dialect = SessionDialect | 'none';

const TRANSPORTS: readonly Transport[] = ['tcp', 'ws'];
const DIALECTS: readonly Dialect[] = ['none', ...SESSION_DIALECTS];

export class SessionMetrics {
  readonly #open = { tcp: none(), ws: none() };
  readonly #started = { tcp: none(), ws: none() };
  /** By Op; index 0 counts Ops out of range. */
  readonly #messages = new Map<number, number>([0, ...Object.values(Op)].map((op) => [op, 0]));
  readonly #ends = { tcp: noEnds(), ws: noEnds() };
  #twins = 0;
  /** By the comms key of the Hello. */
  readonly #hellos = { current: 0, previous: 0 };

  constructor(registry: Registry) {
    const metrics = new ScrapedMetrics(registry);
    this.#registerSessions(metrics);
    this.#registerMessages(metrics);
  }

  #registerSessions(metrics: ScrapedMetrics): void {
    const sessionLabels = ['dialect', 'transport'] as const;
    metrics.counters('xlreg_sessions_started_total', 'Sessions whose Hello was answered.', sessionLabels, () =>
      pairs(SESSION_DIALECTS, (dialect, transport) => this.#started[transport][dialect]),
    );
    metrics.gauges(
      'xlreg_sessions_open',
      'Open sessions. Dialect none stands for connections before their Hello.',
      sessionLabels,
      () => pairs(DIALECTS, (dialect, transport) => this.#open[transport][dialect]),
    );
    metrics.counters(
      'xlreg_sessions_ended_total',
      'Ended connections, by the reason of their end. Dialect none stands for connections without a good Hello.',
      [...sessionLabels, 'end'],
      () =>
        TRANSPORTS.flatMap((transport) =>
          DIALECTS.flatMap((dialect) =>
            [...this.#ends[transport][dialect]].map(([end, count]) => [{ dialect, transport, end }, count] as const),
          ),
        ),
    );
    metrics.counter(
      'xlreg_client_twins_total',
      'Times that sessions of one client ID were in use with different end points at once.',
      () => this.#twins,
    );
  }

  #registerMessages(metrics: ScrapedMetrics): void {
    metrics.counters(
      'xlreg_hellos_total',
      'Answered RSA Hellos, by their comms key: current or previous.',
      ['key'],
      () => Object.entries(this.#hellos).map(([key, count]) => [{ key }, count]),
    );
    metrics.counters('xlreg_messages_total', 'Messages answered, by their Op.', ['op'], () =>
      [...this.#messages].map(([op, count]) => [{ op: isOp(op) ? opName(op) : 'out-of-range' }, count]),
    );
    metrics.counters('xlreg_faults_total', 'Violations of the protocol by peers.', ['fault'], () =>
      Object.keys(FAULT_TEXT).map((fault) => [{ fault }, this.#endedBy(fault)]),
    );
    metrics.counters('xlreg_refusals_total', 'Requests refused by the registry.', ['refusal'], () =>
      Object.keys(REFUSAL_TEXT).map((refusal) => [{ refusal }, this.#endedBy(refusal)]),
    );
  }

  /** Number of connections with this end, in all dialects and over all transports. */
  #endedBy(end: string): number {
    const counts = pairs(DIALECTS, (dialect, transport) => this.#ends[transport][dialect].get(end) ?? 0);
    return counts.reduce((sum, [, count]) => sum + count, 0);
  }

  opened(transport: Transport): void {
    this.#open[transport].none += 1;
  }

  greeted(dialect: SessionDialect, transport: Transport, previousKey: boolean): void {
    if (dialect !== 'sealed') this.#hellos[previousKey ? 'previous' : 'current'] += 1;
    this.#open[transport].none -= 1;
    this.#open[transport][dialect] += 1;
    this.#started[transport][dialect] += 1;
  }

  /** Counts an answered message; `op` is 0 for an Op out of range. */
  served(op: number): void {
    this.#messages.set(op, (this.#messages.get(op) ?? 0) + 1);
  }

  /** Counts a client ID that is in use in two places. */
  twinSeen(): void {
    this.#twins += 1;
  }

  ended(transport: Transport, dialect: Dialect, end: string): void {
    this.#open[transport][dialect] -= 1;
    const ends = this.#ends[transport][dialect];
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
}

/** A value for each dialect over each transport. */
function pairs<D extends Dialect>(dialects: readonly D[], value: (dialect: D, transport: Transport) => number) {
  return TRANSPORTS.flatMap((transport) =>
    dialects.map((dialect) => [{ dialect, transport }, value(dialect, transport)] as const),
  );
}

function none(): Record<Dialect, number> {
  return { none: 0, chained: 0, prefixed: 0, sealed: 0 };
}

/** Counts by end. BOUNDED by the number of ends. */
function noEnds(): Record<Dialect, Map<string, number>> {
  return { none: new Map(), chained: new Map(), prefixed: new Map(), sealed: new Map() };
}
