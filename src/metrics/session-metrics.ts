// Metrics of sessions and messages: the counts of all front ends, added up at the scrape.
import type { Registry } from 'prom-client';
import { FAULT_TEXT, REFUSAL_TEXT } from '../errors.ts';
import { SESSION_DIALECTS } from '../wire/hello.ts';
import { isOp, opName } from '../wire/message.ts';
import { ScrapedMetrics } from './scraped-metrics.ts';
import { DIALECTS, type Dialect, type SessionCounters, TRANSPORTS, type Transport } from './session-counters.ts';

type Counters = readonly SessionCounters[];

/** Registers the metrics. `counters` are those of each front end. */
export function sessionMetrics(registry: Registry, counters: Counters): void {
  const metrics = new ScrapedMetrics(registry);
  registerSessions(metrics, counters);
  registerMessages(metrics, counters);
}

function registerSessions(metrics: ScrapedMetrics, counters: Counters): void {
  const sessionLabels = ['dialect', 'transport'] as const;
  metrics.counters('xlreg_sessions_started_total', 'Sessions whose Hello was answered.', sessionLabels, () =>
    pairs(SESSION_DIALECTS, (dialect, transport) => sum(counters, (one) => one.started(transport, dialect))),
  );
  metrics.gauges(
    'xlreg_sessions_open',
    'Open sessions. Dialect none stands for connections before their Hello.',
    sessionLabels,
    () => pairs(DIALECTS, (dialect, transport) => sum(counters, (one) => one.open(transport, dialect))),
  );
  metrics.counters(
    'xlreg_sessions_ended_total',
    'Ended connections, by the reason of their end. Dialect none stands for connections without a good Hello.',
    [...sessionLabels, 'end'],
    () =>
      TRANSPORTS.flatMap((transport) =>
        DIALECTS.flatMap((dialect) =>
          [...endsOf(counters, transport, dialect)].map(
            ([end, count]) => [{ dialect, transport, end }, count] as const,
          ),
        ),
      ),
  );
  metrics.counter(
    'xlreg_client_twins_total',
    'Times that sessions of one client ID were in use with different end points at once.',
    () => sum(counters, ({ twins }) => twins),
  );
}

function registerMessages(metrics: ScrapedMetrics, counters: Counters): void {
  metrics.counters('xlreg_hellos_total', 'Answered RSA Hellos, by their comms key: current or previous.', ['key'], () =>
    (['current', 'previous'] as const).map((key) => [{ key }, sum(counters, ({ hellos }) => hellos[key])]),
  );
  metrics.counters('xlreg_messages_total', 'Messages answered, by their Op.', ['op'], () =>
    [...totals(counters.flatMap(({ messages }) => messages))].map(([op, count]) => [
      { op: isOp(op) ? opName(op) : 'out-of-range' },
      count,
    ]),
  );
  const endedBy = (ends: Readonly<Record<string, unknown>>) => {
    const all = pairs(DIALECTS, (dialect, transport) => endsOf(counters, transport, dialect));
    const counts = totals(all.flatMap(([, found]) => [...found]));
    return Object.keys(ends).map((end) => [end, counts.get(end) ?? 0] as const);
  };
  metrics.counters('xlreg_faults_total', 'Violations of the protocol by peers.', ['fault'], () =>
    endedBy(FAULT_TEXT).map(([fault, count]) => [{ fault }, count]),
  );
  metrics.counters('xlreg_refusals_total', 'Requests refused by the registry.', ['refusal'], () =>
    endedBy(REFUSAL_TEXT).map(([refusal, count]) => [{ refusal }, count]),
  );
}

function endsOf(counters: readonly SessionCounters[], transport: Transport, dialect: Dialect): Map<string, number> {
  return totals(counters.flatMap((one) => one.ends(transport, dialect)));
}

function sum(counters: readonly SessionCounters[], value: (counters: SessionCounters) => number): number {
  return counters.reduce((total, one) => total + value(one), 0);
}

/** The sums of the counts with one name. */
function totals<K>(counts: Iterable<readonly [name: K, count: number]>): Map<K, number> {
  const sums = new Map<K, number>();
  for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
  return sums;
}

/** A value for each dialect over each transport. */
function pairs<D extends Dialect, V>(dialects: readonly D[], value: (dialect: D, transport: Transport) => V) {
  return TRANSPORTS.flatMap((transport) =>
    dialects.map((dialect) => [{ dialect, transport }, value(dialect, transport)] as const),
  );
}
