// The alerts, and the rules file that Prometheus reads. docs/how-to/alerts.md has a section for each alert.

/** One alert. */
export interface Alert {
  readonly name: string;
  /** critical: clients are not served, or soon will not be. warning: look at it within a day. */
  readonly severity: 'critical' | 'warning';
  readonly expr: string;
  /** How long the expression must hold. */
  readonly for: string;
  /** One sentence. `{{ $labels.NAME }}` stands for a label's value, `{{ $value | … }}` for that of the expression. */
  readonly summary: string;
}

const BY = 'sum by (job, instance)';
const DROPPED = `${BY} (rate(xlreg_admission_drops_total[5m]))`;
const STARTED = `${BY} (rate(xlreg_sessions_started_total[5m]))`;
/** Connections closed at a limit, and sessions that ended with a refusal of growth: a refusal ends its session. */
const REFUSED = `(${DROPPED} + ${BY} (rate(xlreg_refusals_total{refusal=~"registry-full|.+-per-(address|client)"}[5m])))`;

/** The sum of the two parts' p99 is the upper bound of the whole's. */
function handshakeP99(stage: 'hello-wait' | 'hello-call'): string {
  return `histogram_quantile(0.99, sum by (job, instance, le) (rate(xlreg_stage_seconds_bucket{stage="${stage}"}[5m])))`;
}

export const ALERTS: readonly Alert[] = [
  {
    name: 'XlregDown',
    severity: 'critical',
    expr: 'up{job="xlreg"} == 0',
    for: '1m',
    summary: '{{ $labels.instance }} does not answer on its admin port',
  },
  {
    name: 'XlregNotReady',
    severity: 'critical',
    expr: 'xlreg_readiness_check == 0',
    for: '2m',
    summary: '{{ $labels.instance }} is not ready: {{ $labels.check }} fails',
  },
  {
    name: 'XlregRestarting',
    severity: 'critical',
    expr: 'changes(process_start_time_seconds{job="xlreg"}[15m]) >= 3',
    for: '0m',
    summary: '{{ $labels.instance }} has restarted {{ $value }} times in 15 minutes',
  },
  {
    name: 'XlregCoordinatorSilent',
    severity: 'critical',
    expr: 'xlreg_coordinator_silent_seconds > 1',
    for: '2m',
    summary:
      'the coordinator of {{ $labels.instance }} has published no statistics for {{ $value | humanizeDuration }}',
  },
  {
    name: 'XlregStoreFull',
    severity: 'critical',
    expr: 'xlreg_store_full == 1',
    for: '0m',
    summary: 'the store of {{ $labels.instance }} is full: it refuses new registrations, clusters and joins',
  },
  {
    name: 'XlregStoreUnreachable',
    severity: 'critical',
    expr: 'xlreg_store_unreachable == 1',
    for: '30s',
    summary: '{{ $labels.instance }} cannot reach its store: it refuses new registrations, clusters and joins',
  },
  {
    name: 'XlregStoreSlow',
    severity: 'warning',
    expr: `histogram_quantile(0.99, sum by (job, instance, le) (rate(xlreg_store_request_seconds_bucket[5m]))) > 0.25`,
    for: '10m',
    summary: '1 % of the etcd requests of {{ $labels.instance }} take longer than {{ $value | humanizeDuration }}',
  },
  {
    name: 'XlregStoreFillsUp',
    severity: 'warning',
    expr: 'predict_linear(xlreg_store_room_bytes[6h], 4 * 86400) < 0',
    for: '1h',
    summary:
      'at its present growth the store of {{ $labels.instance }} has {{ $value | humanize1024 }}B of room in four days',
  },
  {
    name: 'XlregDiskSlow',
    severity: 'warning',
    expr: `histogram_quantile(0.99, sum by (job, instance, le) (rate(xlreg_store_sync_seconds_bucket[5m]))) > 0.1`,
    for: '10m',
    summary: '1 % of the disk syncs of {{ $labels.instance }} take longer than {{ $value | humanizeDuration }}',
  },
  {
    name: 'XlregTableFull',
    severity: 'critical',
    expr: 'increase(xlreg_refusals_total{refusal="registry-full"}[5m]) > 0',
    for: '0m',
    summary:
      '{{ $labels.instance }} refuses new records ({{ $value | printf "%.0f" }} in 5 minutes): --max-registrations or --max-clusters is reached',
  },
  {
    name: 'XlregGrowthLimited',
    severity: 'warning',
    expr: 'rate(xlreg_refusals_total{refusal=~".+-per-(address|client)"}[5m]) > 1',
    for: '10m',
    summary:
      '{{ $labels.instance }} refuses {{ $value | printf "%.1f" }} requests a second of fast-growing addresses or clients: {{ $labels.refusal }}',
  },
  {
    name: 'XlregOverloaded',
    severity: 'critical',
    expr: `sum by (job, instance) (rate(xlreg_sessions_ended_total{end="overload"}[5m])) > 0`,
    for: '5m',
    summary:
      '{{ $labels.instance }} is overloaded: it closes {{ $value | printf "%.2f" }} connections a second that its cores cannot serve in time',
  },
  {
    name: 'XlregThreadBusy',
    severity: 'warning',
    expr: 'rate(xlreg_thread_cpu_seconds_total[5m]) > 0.9',
    for: '15m',
    summary:
      'the thread {{ $labels.thread }} of {{ $labels.instance }} uses {{ $value | humanizePercentage }} of a core',
  },
  {
    name: 'XlregEventLoopLate',
    severity: 'warning',
    expr: 'histogram_quantile(0.99, sum by (job, instance, thread, le) (rate(xlreg_thread_event_loop_delay_seconds_bucket[5m]))) > 0.1',
    for: '10m',
    summary:
      'the event loop delay of the thread {{ $labels.thread }} of {{ $labels.instance }} has a p99 of {{ $value | humanizeDuration }}',
  },
  {
    name: 'XlregHeapNearLimit',
    severity: 'warning',
    expr: 'xlreg_thread_heap_used_bytes / xlreg_thread_heap_limit_bytes > 0.85',
    for: '5m',
    summary:
      'the thread {{ $labels.thread }} of {{ $labels.instance }} uses {{ $value | humanizePercentage }} of its heap limit',
  },
  {
    name: 'XlregWorkerFailed',
    severity: 'warning',
    expr: 'increase(xlreg_pool_failures_total[15m]) > 0',
    for: '0m',
    summary:
      'pool workers of {{ $labels.instance }} failed and were replaced ({{ $value | printf "%.0f" }} in 15 minutes); their connections were closed',
  },
  {
    name: 'XlregFrontFailed',
    severity: 'warning',
    expr: 'increase(xlreg_front_failures_total[15m]) > 0',
    for: '0m',
    summary:
      'front ends of {{ $labels.instance }} failed and were replaced ({{ $value | printf "%.0f" }} in 15 minutes); their connections were closed',
  },
  {
    name: 'XlregConnectionsNearLimit',
    severity: 'warning',
    expr: 'xlreg_admission_connections / xlreg_admission_connections_max > 0.9',
    for: '5m',
    summary: '{{ $labels.instance }} has {{ $value | humanizePercentage }} of the connections that it may have',
  },
  {
    name: 'XlregLimitsHit',
    severity: 'warning',
    expr: 'rate(xlreg_admission_drops_total[5m]) > 1',
    for: '10m',
    summary:
      '{{ $labels.instance }} closes {{ $value | printf "%.1f" }} connections a second at the limit {{ $labels.cause }}',
  },
  {
    name: 'XlregLogLinesLost',
    severity: 'warning',
    expr: 'increase(xlreg_log_lines_dropped_total[5m]) > 0',
    for: '0m',
    summary: '{{ $labels.instance }} drops lines of its log ({{ $value | printf "%.0f" }} in 5 minutes)',
  },
  {
    name: 'XlregAuditLinesLost',
    severity: 'warning',
    expr: 'increase(xlreg_audit_lines_lost_total[5m]) > 0',
    for: '0m',
    summary: '{{ $labels.instance }} loses lines of its audit log',
  },
  {
    name: 'XlregTokenReplayed',
    severity: 'warning',
    expr: 'increase(xlreg_token_replays_total[15m]) > 0',
    for: '0m',
    summary:
      'clients of {{ $labels.instance }} presented replaced tokens ({{ $value | printf "%.0f" }} in 15 minutes): they switched back, or somebody replays it',
  },
  {
    name: 'XlregFaults',
    severity: 'warning',
    expr: 'rate(xlreg_faults_total[5m]) > 1',
    for: '15m',
    summary:
      'peers of {{ $labels.instance }} violate the protocol {{ $value | printf "%.1f" }} times a second: {{ $labels.fault }}',
  },
  {
    name: 'XlregHandshakeSlow',
    severity: 'warning',
    expr: `${handshakeP99('hello-wait')} + ${handshakeP99('hello-call')} > 0.25`,
    for: '10m',
    summary: '1 % of the handshakes of {{ $labels.instance }} take longer than {{ $value | humanizeDuration }}',
  },
  {
    name: 'XlregRefusedShare',
    severity: 'warning',
    expr: `${REFUSED} / (${STARTED} + ${DROPPED}) > 0.05`,
    for: '10m',
    summary:
      '{{ $labels.instance }} turns away {{ $value | humanizePercentage }} of its connections at its limits: xlreg limits shows which and whom',
  },
  {
    name: 'XlregFilesNearLimit',
    severity: 'warning',
    expr: 'process_open_fds{job="xlreg"} / process_max_fds{job="xlreg"} > 0.9',
    for: '5m',
    summary: '{{ $labels.instance }} has opened {{ $value | humanizePercentage }} of the files that it may open',
  },
  {
    name: 'XlregCertificateExpires',
    severity: 'warning',
    expr: 'xlreg_certificate_expiry_timestamp_seconds - time() < 14 * 86400',
    for: '1h',
    summary:
      'the certificate of the listener {{ $labels.listener }} of {{ $labels.instance }} expires in {{ $value | humanizeDuration }}',
  },
  {
    name: 'XlregCertificateExpired',
    severity: 'critical',
    expr: 'xlreg_certificate_expiry_timestamp_seconds - time() < 86400',
    for: '0m',
    summary:
      'the certificate of the listener {{ $labels.listener }} of {{ $labels.instance }} expires in {{ $value | humanizeDuration }}: clients will refuse it',
  },
  {
    name: 'XlregReloadFailed',
    severity: 'warning',
    expr: 'increase(xlreg_reloads_total{result="failure"}[15m]) > 0',
    for: '0m',
    summary:
      'reloads of {{ $labels.instance }} failed ({{ $value | printf "%.0f" }} in 15 minutes): the old settings are in use',
  },
  {
    name: 'XlregBackupFailed',
    severity: 'warning',
    expr: 'increase(xlreg_backups_total{result="failure"}[1h]) > 0',
    for: '0m',
    summary: 'scheduled backups of {{ $labels.instance }} failed ({{ $value | printf "%.0f" }} within an hour)',
  },
  {
    name: 'XlregBackupTooOld',
    severity: 'critical',
    expr: 'time() - (xlreg_backup_last_success_timestamp_seconds > 0) > 2 * xlreg_backup_interval_seconds + 600',
    for: '5m',
    summary: 'the last good backup of {{ $labels.instance }} is {{ $value | humanizeDuration }} old',
  },
  {
    name: 'XlregBackupMissing',
    severity: 'critical',
    expr: 'xlreg_backup_last_success_timestamp_seconds == 0',
    for: '30m',
    summary: '{{ $labels.instance }} has no good backup in --backup-dir',
  },
];

/** The address of docs/how-to/alerts.md in the committed rules: a placeholder, since each operator has another. */
export const RUNBOOK_BASE = 'https://docs.example/xlreg/how-to/alerts.md';

/** The section that explains an alert, on the page at `base`. */
export function runbookOf({ name }: Alert, base = RUNBOOK_BASE): string {
  return `${base}#${name.toLowerCase()}`;
}

/** The rules file for Prometheus. Strings are printed as JSON, which is valid YAML. */
export function printRules(alerts: readonly Alert[], base: string): string {
  const rules = alerts.map((alert) =>
    [
      `      - alert: ${alert.name}`,
      `        expr: ${JSON.stringify(alert.expr)}`,
      `        for: ${alert.for}`,
      `        labels:`,
      `          severity: ${alert.severity}`,
      `        annotations:`,
      `          summary: ${JSON.stringify(alert.summary)}`,
      `          runbook_url: ${JSON.stringify(runbookOf(alert, base))}`,
    ].join('\n'),
  );
  return `# Made by npm run grafana from grafana/alerts.ts.\ngroups:\n  - name: xlreg\n    rules:\n${rules.join('\n')}\n`;
}
