// Metrics of scheduled backups. Without --backup-dir they have no values, so no alert fires.
import type { Registry } from 'prom-client';
import { ScrapedMetrics } from './scraped-metrics.ts';

/** The state of scheduled backups. Times are in seconds, of dates since 1970. */
export interface BackupState {
  readonly everySeconds: number;
  /** 0 if there is none. */
  lastSuccess: number;
  lastBytes: number;
  lastSeconds: number;
  succeeded: number;
  failed: number;
}

/** Registers the metrics. `state` is undefined without scheduled backups. */
export function backupMetrics(registry: Registry, state: BackupState | undefined): void {
  const metrics = new ScrapedMetrics(registry);
  const gauge = (name: string, help: string, read: (state: BackupState) => number) =>
    metrics.gauges(name, help, [], () => (state === undefined ? [] : [[{}, read(state)]]));
  gauge(
    'xlreg_backup_last_success_timestamp_seconds',
    'Begin of the last good scheduled backup, in seconds since 1970; 0 if there is none.',
    ({ lastSuccess }) => lastSuccess,
  );
  gauge('xlreg_backup_interval_seconds', 'Time between two scheduled backups.', ({ everySeconds }) => everySeconds);
  gauge(
    'xlreg_backup_last_size_bytes',
    "Size of the last good scheduled backup's table since the start.",
    ({ lastBytes }) => lastBytes,
  );
  gauge(
    'xlreg_backup_last_duration_seconds',
    'Time that the last good scheduled backup since the start took, verification included.',
    ({ lastSeconds }) => lastSeconds,
  );
  metrics.counters('xlreg_backups_total', 'Attempts of scheduled backups, by result.', ['result'], () =>
    state === undefined
      ? []
      : [
          [{ result: 'success' }, state.succeeded],
          [{ result: 'failure' }, state.failed],
        ],
  );
}
