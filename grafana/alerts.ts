// The alerts, and the rules file that Prometheus reads. docs/how-to/alerts.md has a section for each alert.

/** One alert. */
export interface Alert {
  readonly name: string;
  /** critical: clients are not served, or soon will not be. warning: look at it within a day. */
  readonly severity: 'critical' | 'warning';
  readonly expr: string;
  /** How long the expression must hold. */
  readonly for: string;
  /** One sentence. `{{ $labels.NAME }}` stands for a label's value. */
  readonly summary: string;
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
    summary: '{{ $labels.instance }} has restarted at least three times in 15 minutes',
  },
  {
    name: 'XlregCoordinatorSilent',
    severity: 'critical',
    expr: 'xlreg_coordinator_silent_seconds > 1',
    for: '2m',
    summary: 'the coordinator of {{ $labels.instance }} has published no statistics for more than 1 s',
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
    summary: '1 % of the etcd requests of {{ $labels.instance }} take longer than 0.25 s',
  },
  {
    name: 'XlregStoreFillsUp',
    severity: 'warning',
    expr: 'predict_linear(xlreg_store_room_bytes[6h], 4 * 86400) < 0',
    for: '1h',
    summary: 'at its present growth the store of {{ $labels.instance }} is full within four days',
  },
  {
    name: 'XlregDiskSlow',
    severity: 'warning',
    expr: `histogram_quantile(0.99, sum by (job, instance, le) (rate(xlreg_store_sync_seconds_bucket[5m]))) > 0.1`,
    for: '10m',
    summary: '1 % of the disk syncs of {{ $labels.instance }} take longer than 0.1 s',
  },
  {
    name: 'XlregTableFull',
    severity: 'critical',
    expr: 'increase(xlreg_refusals_total{refusal="registry-full"}[5m]) > 0',
    for: '0m',
    summary: '{{ $labels.instance }} refuses new records: --max-registrations or --max-clusters is reached',
  },
  {
    name: 'XlregGrowthLimited',
    severity: 'warning',
    expr: 'rate(xlreg_refusals_total{refusal=~".+-per-(address|client)"}[5m]) > 1',
    for: '10m',
    summary: '{{ $labels.instance }} refuses fast-growing addresses or clients: {{ $labels.refusal }}',
  },
  {
    name: 'XlregOverloaded',
    severity: 'critical',
    expr: `sum by (job, instance) (rate(xlreg_sessions_ended_total{end="overload"}[5m])) > 0`,
    for: '5m',
    summary: '{{ $labels.instance }} is overloaded: it closes connections that its cores cannot serve in time',
  },
  {
    name: 'XlregThreadBusy',
    severity: 'warning',
    expr: 'rate(xlreg_thread_cpu_seconds_total[5m]) > 0.9',
    for: '15m',
    summary: 'the thread {{ $labels.thread }} of {{ $labels.instance }} uses more than 90 % of a core',
  },
  {
    name: 'XlregEventLoopLate',
    severity: 'warning',
    expr: 'histogram_quantile(0.99, sum by (job, instance, thread, le) (rate(xlreg_thread_event_loop_delay_seconds_bucket[5m]))) > 0.1',
    for: '10m',
    summary: 'the event loop delay of the thread {{ $labels.thread }} of {{ $labels.instance }} has a p99 above 0.1 s',
  },
  {
    name: 'XlregHeapNearLimit',
    severity: 'warning',
    expr: 'xlreg_thread_heap_used_bytes / xlreg_thread_heap_limit_bytes > 0.85',
    for: '5m',
    summary: 'the thread {{ $labels.thread }} of {{ $labels.instance }} uses more than 85 % of its heap limit',
  },
  {
    name: 'XlregWorkerFailed',
    severity: 'warning',
    expr: 'increase(xlreg_pool_failures_total[15m]) > 0',
    for: '0m',
    summary: 'a pool worker of {{ $labels.instance }} failed and was replaced; its connections were closed',
  },
  {
    name: 'XlregConnectionsNearLimit',
    severity: 'warning',
    expr: 'xlreg_admission_connections / xlreg_admission_connections_max > 0.9',
    for: '5m',
    summary: '{{ $labels.instance }} has more than 90 % of the connections that it may have',
  },
  {
    name: 'XlregLimitsHit',
    severity: 'warning',
    expr: 'rate(xlreg_admission_drops_total[5m]) > 1',
    for: '10m',
    summary: '{{ $labels.instance }} closes more than one connection a second at the limit {{ $labels.cause }}',
  },
  {
    name: 'XlregRefusedShare',
    severity: 'warning',
    expr: 'sum by (job, instance) (rate(xlreg_limit_refused_total[5m])) / (sum by (job, instance) (rate(xlreg_limit_refused_total[5m])) + sum by (job, instance) (rate(xlreg_sessions_started_total[5m]))) > 0.05',
    for: '5m',
    summary:
      'limits of {{ $labels.instance }} turn away more than 5 % of its clients: xlreg limits shows which and whom',
  },
  {
    name: 'XlregLogLinesLost',
    severity: 'warning',
    expr: 'increase(xlreg_log_lines_dropped_total[5m]) > 0',
    for: '0m',
    summary: '{{ $labels.instance }} drops lines of its log',
  },
  {
    name: 'XlregTokenReplayed',
    severity: 'warning',
    expr: 'increase(xlreg_token_replays_total[15m]) > 0',
    for: '0m',
    summary: 'a client of {{ $labels.instance }} presented a replaced token: it switched back, or somebody replays it',
  },
  {
    name: 'XlregFaults',
    severity: 'warning',
    expr: 'rate(xlreg_faults_total[5m]) > 1',
    for: '15m',
    summary: 'peers of {{ $labels.instance }} violate the protocol more than once a second: {{ $labels.fault }}',
  },
];

/** The page and section that explain an alert. */
export function runbookOf({ name }: Alert): string {
  return `docs/how-to/alerts.md#${name.toLowerCase()}`;
}

/** The rules file for Prometheus. Strings are printed as JSON, which is valid YAML. */
export function printRules(alerts: readonly Alert[]): string {
  const rules = alerts.map((alert) =>
    [
      `      - alert: ${alert.name}`,
      `        expr: ${JSON.stringify(alert.expr)}`,
      `        for: ${alert.for}`,
      `        labels:`,
      `          severity: ${alert.severity}`,
      `        annotations:`,
      `          summary: ${JSON.stringify(alert.summary)}`,
      `          runbook_url: ${JSON.stringify(runbookOf(alert))}`,
    ].join('\n'),
  );
  return `# Made by npm run grafana from grafana/alerts.ts.\ngroups:\n  - name: xlreg\n    rules:\n${rules.join('\n')}\n`;
}
