// What somebody should be told of, and Prometheus' file of it. Each alert has a section of its name in docs/how-to/alerts.md.

/** One alert. */
export interface Alert {
  readonly name: string;
  /** critical: clients are not served, or soon will not be. warning: look at it within the day. */
  readonly severity: 'critical' | 'warning';
  readonly expr: string;
  /** For how long the expression has to hold. */
  readonly for: string;
  /** One sentence, in which `{{ $labels.NAME }}` stands for a label. */
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
    summary: '{{ $labels.instance }} has started again three times within 15 minutes',
  },
  {
    name: 'XlregCoordinatorSilent',
    severity: 'critical',
    expr: 'xlreg_coordinator_silent_seconds > 1',
    for: '2m',
    summary: 'the coordinator of {{ $labels.instance }} has told nothing of itself for more than a second',
  },
  {
    name: 'XlregStoreFull',
    severity: 'critical',
    expr: 'xlreg_store_full == 1',
    for: '0m',
    summary: 'the store of {{ $labels.instance }} is full: nothing new can be registered, created or joined',
  },
  {
    name: 'XlregStoreUnreachable',
    severity: 'critical',
    expr: 'xlreg_store_unreachable == 1',
    for: '30s',
    summary: '{{ $labels.instance }} does not reach its store: nothing new can be registered, created or joined',
  },
  {
    name: 'XlregStoreSlow',
    severity: 'warning',
    expr: `histogram_quantile(0.99, sum by (job, instance, le) (rate(xlreg_store_request_seconds_bucket[5m]))) > 0.25`,
    for: '10m',
    summary: 'one in a hundred requests of {{ $labels.instance }} takes etcd more than 0.25 s',
  },
  {
    name: 'XlregStoreFillsUp',
    severity: 'warning',
    expr: 'predict_linear(xlreg_store_room_bytes[6h], 4 * 86400) < 0',
    for: '1h',
    summary: 'the store of {{ $labels.instance }} will be full within four days if it goes on like this',
  },
  {
    name: 'XlregDiskSlow',
    severity: 'warning',
    expr: `histogram_quantile(0.99, sum by (job, instance, le) (rate(xlreg_store_sync_seconds_bucket[5m]))) > 0.1`,
    for: '10m',
    summary: 'one in a hundred commits of {{ $labels.instance }} takes the disk more than 0.1 s',
  },
  {
    name: 'XlregTableFull',
    severity: 'critical',
    expr: 'increase(xlreg_refusals_total{refusal="registry-full"}[5m]) > 0',
    for: '0m',
    summary: '{{ $labels.instance }} refuses newcomers: --max-registrations or --max-clusters is reached',
  },
  {
    name: 'XlregGrowthLimited',
    severity: 'warning',
    expr: 'rate(xlreg_refusals_total{refusal=~".+-per-(address|client)"}[5m]) > 1',
    for: '10m',
    summary: '{{ $labels.instance }} holds back who adds too much to its table, by {{ $labels.refusal }}',
  },
  {
    name: 'XlregOverloaded',
    severity: 'critical',
    expr: `sum by (job, instance) (rate(xlreg_sessions_ended_total{end="overload"}[5m])) > 0`,
    for: '5m',
    summary: '{{ $labels.instance }} turns connections away: more come than its cores can serve',
  },
  {
    name: 'XlregThreadBusy',
    severity: 'warning',
    expr: 'rate(xlreg_thread_cpu_seconds_total[5m]) > 0.9',
    for: '15m',
    summary: '{{ $labels.thread }} of {{ $labels.instance }} has hardly a rest',
  },
  {
    name: 'XlregEventLoopLate',
    severity: 'warning',
    expr: 'histogram_quantile(0.99, sum by (job, instance, thread, le) (rate(xlreg_thread_event_loop_delay_seconds_bucket[5m]))) > 0.1',
    for: '10m',
    summary:
      'the event loop of {{ $labels.thread }} of {{ $labels.instance }} is late by more than 0.1 s one time in a hundred',
  },
  {
    name: 'XlregHeapNearLimit',
    severity: 'warning',
    expr: 'xlreg_thread_heap_used_bytes / xlreg_thread_heap_limit_bytes > 0.85',
    for: '5m',
    summary: '{{ $labels.thread }} of {{ $labels.instance }} has little heap left, without which it ends',
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
    summary: '{{ $labels.instance }} has nearly as many connections as it takes',
  },
  {
    name: 'XlregLimitsHit',
    severity: 'warning',
    expr: 'rate(xlreg_admission_drops_total[5m]) > 1',
    for: '10m',
    summary: '{{ $labels.instance }} closes more than a connection a second for the limit {{ $labels.cause }}',
  },
  {
    name: 'XlregLogLinesLost',
    severity: 'warning',
    expr: 'increase(xlreg_log_lines_dropped_total[5m]) > 0',
    for: '0m',
    summary: '{{ $labels.instance }} loses lines of its log',
  },
  {
    name: 'XlregTokenReplayed',
    severity: 'warning',
    expr: 'increase(xlreg_token_replays_total[15m]) > 0',
    for: '0m',
    summary: 'a client of {{ $labels.instance }} came with a token that it had replaced: it switched back, or a replay',
  },
  {
    name: 'XlregFaults',
    severity: 'warning',
    expr: 'rate(xlreg_faults_total[5m]) > 1',
    for: '15m',
    summary: 'peers of {{ $labels.instance }} violate the protocol more than once a second: {{ $labels.fault }}',
  },
];

/** Where an alert is explained. */
export function runbookOf({ name }: Alert): string {
  return `docs/how-to/alerts.md#${name.toLowerCase()}`;
}

/** The rules as Prometheus reads them; strings as JSON, which is YAML. */
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
