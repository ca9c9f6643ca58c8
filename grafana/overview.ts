// Whether the registry is well, and what it is doing: where to look first.
import { type Dashboard, gauge, quantile, rate } from './dashboard.ts';

export const overview: Dashboard = {
  name: 'overview',
  title: 'xlReg: overview',
  rows: [
    {
      title: 'Health',
      panels: [
        {
          title: 'Readiness',
          description: 'The checks of /readyz: 1 passes, 0 fails. docs/reference/health.md says what each means.',
          unit: 'bool_yes_no',
          queries: [{ expr: gauge('xlreg_readiness_check'), legend: '{{instance}} {{check}}' }],
        },
        {
          title: 'Time since the start',
          description: 'A line that falls to 0 again and again is a registry that does not stay up.',
          unit: 's',
          queries: [{ expr: `time() - ${gauge('process_start_time_seconds')}`, legend: '{{instance}}' }],
        },
        {
          title: 'Connections',
          description:
            'Those that count for --max-connections, and how many there may be. At the limit, whoever has shown no Hello for longest makes room.',
          unit: 'short',
          queries: [
            { expr: gauge('xlreg_admission_connections'), legend: '{{instance}} connections' },
            { expr: gauge('xlreg_admission_connections_max'), legend: '{{instance}} limit' },
            { expr: gauge('process_max_fds'), legend: '{{instance}} open files, limit' },
          ],
        },
        {
          title: 'Log lines lost a second',
          description: 'Standard error has no room, no reader, or a slow one. The registry serves all the same.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_log_lines_dropped_total'), legend: '{{instance}}' }],
        },
      ],
    },
    {
      title: 'Sessions',
      panels: [
        {
          title: 'Sessions open',
          description: 'By dialect and transport; dialect none is a connection before its Hello.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_sessions_open'), legend: '{{instance}} {{dialect}} {{transport}}' }],
        },
        {
          title: 'Sessions begun a second',
          description: 'Each is an RSA operation: what the registry spends its time on.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_sessions_started_total'), legend: '{{instance}} {{dialect}} {{transport}}' }],
        },
        {
          title: 'Hellos a second, by comms key',
          description:
            'previous: clients that still have the regCred.dat from before the last change of keys. When there are none any more, xlreg keys retire.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_hellos_total'), legend: '{{instance}} {{key}}' }],
        },
        {
          title: 'Sessions ended a second, by why',
          description:
            'bye is as it should be; a fault or a refusal by its code; others are deadlines, limits and the like.',
          unit: 'ops',
          queries: [
            { expr: `sum by (instance, end) (${rate('xlreg_sessions_ended_total')})`, legend: '{{instance}} {{end}}' },
          ],
        },
        {
          title: 'Messages answered a second',
          description: 'By Op.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_messages_total'), legend: '{{instance}} {{op}}' }],
        },
        {
          title: 'Faults a second',
          description: 'Violations of the protocol by peers, by code: clients with bugs, or somebody who tries things.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_faults_total'), legend: '{{instance}} {{fault}}' }],
        },
        {
          title: 'Refusals a second',
          description:
            "Orderly answers of no, by code. registry-full and cannot-store are the registry's own trouble; per-address and per-client hold back who adds too much.",
          unit: 'ops',
          queries: [{ expr: rate('xlreg_refusals_total'), legend: '{{instance}} {{refusal}}' }],
        },
        {
          title: 'Replaced tokens that came again, a second',
          description: 'A member switched back to former end points, or somebody replays its token; the log names it.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_token_replays_total'), legend: '{{instance}}' }],
        },
        {
          title: 'Client IDs in use in two places, a second',
          description:
            'Sessions of one client ID with different end points at once: a copied member home. The log names it.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_client_twins_total'), legend: '{{instance}}' }],
        },
        {
          title: 'Connections of the admin port',
          description: '64 at most, 32 of one address; the idle one gives way to the new one, which counts as dropped.',
          unit: 'short',
          queries: [
            { expr: gauge('xlreg_admin_connections'), legend: '{{instance}}' },
            { expr: rate('xlreg_admin_connections_dropped_total'), legend: '{{instance}} dropped a second' },
          ],
        },
        {
          title: 'Connections closed by a limit, a second',
          description: 'By limit; docs/reference/limits.md lists them. displaced is who made room for a newcomer.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_admission_drops_total'), legend: '{{instance}} {{cause}}' }],
        },
        {
          title: 'Addresses',
          description: 'Addresses with an entry of their own among the limits; 65,536 at most.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_admission_addresses'), legend: '{{instance}}' }],
        },
      ],
    },
    {
      title: 'Process and threads',
      panels: [
        {
          title: 'CPU',
          description: 'Cores in use by the whole process.',
          unit: 'short',
          queries: [{ expr: rate('process_cpu_seconds_total'), legend: '{{instance}}' }],
        },
        {
          title: 'CPU by thread',
          description:
            '1 is a thread that never rests. The main thread and the coordinator cannot be multiplied; workers can (--workers).',
          unit: 'percentunit',
          queries: [{ expr: rate('xlreg_thread_cpu_seconds_total'), legend: '{{instance}} {{thread}}' }],
        },
        {
          title: 'Resident memory',
          description: 'The table and 64 slots of each worker included.',
          unit: 'bytes',
          queries: [{ expr: gauge('process_resident_memory_bytes'), legend: '{{instance}}' }],
        },
        {
          title: 'JavaScript heap in use',
          description: 'By thread.',
          unit: 'bytes',
          queries: [{ expr: gauge('xlreg_thread_heap_used_bytes'), legend: '{{instance}} {{thread}}' }],
        },
        {
          title: 'JavaScript heap, share of what it may be',
          description: 'At 1 the thread ends: a worker is replaced, with the others the process ends.',
          unit: 'percentunit',
          queries: [
            {
              expr: `${gauge('xlreg_thread_heap_used_bytes')} / ${gauge('xlreg_thread_heap_limit_bytes')}`,
              legend: '{{instance}} {{thread}}',
            },
          ],
        },
        {
          title: 'Event loop delay, p99',
          description:
            'By how much a timer is late. The coordinator waits for the disk in its loop, so a slow disk shows here, too.',
          unit: 's',
          queries: [
            {
              expr: quantile(0.99, 'xlreg_thread_event_loop_delay_seconds', ['thread']),
              legend: '{{instance}} {{thread}}',
            },
          ],
        },
      ],
    },
  ],
};
