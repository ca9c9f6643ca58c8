// Metrics of the audit log.
import { Counter, Gauge, type Registry } from 'prom-client';

/** Registers the metrics. `counts` returns lines since the start; `newest` the newest line on disk, if one is known. */
export function auditMetrics(
  registry: Registry,
  counts: () => { readonly written: number; readonly lost: number },
  newest: () => { readonly sequence: number; readonly hash: string } | undefined,
): void {
  const registers = [registry];
  counter('xlreg_audit_lines_total', 'Lines written to the audit log.', () => counts().written);
  counter(
    'xlreg_audit_lines_lost_total',
    'Lines of the audit log lost because its file could not be written, or too many came at once.',
    () => counts().lost,
  );
  new Gauge({
    name: 'xlreg_audit_newest_line',
    help: 'Number of the newest line of the audit log; its label is the hash for xlreg audit verify --expect.',
    registers,
    // One series: the newest hash replaces the one before.
    labelNames: ['hash'],
    collect() {
      this.reset();
      const line = newest();
      if (line && line.sequence > 0) this.set({ hash: line.hash }, line.sequence);
    },
  });

  function counter(name: string, help: string, read: () => number): void {
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
}
