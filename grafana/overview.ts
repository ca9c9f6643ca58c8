// The dashboard to open first: health, sessions, process and threads.
import { type Dashboard, gauge, quantile, rate } from './dashboard.ts';
import { REFUSED_SHARE, STATS } from './stats.ts';

export const overview: Dashboard = {
  name: 'overview',
  title: 'xlReg: overview',
  rows: [
    { title: 'At a glance', panels: STATS },
    {
      title: 'Health',
      panels: [
        {
          kind: 'states',
          title: 'Readiness',
          description: 'The checks of /readyz. docs/reference/health.md explains each.',
          unit: 'short',
          states: ['fails', 'passes'],
          queries: [{ expr: gauge('xlreg_readiness_check'), legend: '{{instance}} {{check}}' }],
        },
        {
          title: 'Time since the start',
          description: 'Uptime of the process. A line that keeps falling to 0 shows a server that keeps restarting.',
          unit: 's',
          queries: [{ expr: `time() - ${gauge('process_start_time_seconds')}`, legend: '{{instance}}' }],
        },
        {
          title: 'Connections',
          description:
            'Connections that count towards --max-connections, and that limit. At the limit, the connection that has waited longest without a Hello is closed.',
          unit: 'short',
          queries: [
            { expr: gauge('xlreg_admission_connections'), legend: '{{instance}} connections' },
            { expr: gauge('xlreg_admission_connections_max'), legend: '{{instance}} limit' },
          ],
        },
        {
          title: 'Open files, share of their limit',
          description: 'Files and sockets. Connections are kept below the limit, so only other files can reach it.',
          unit: 'percentunit',
          thresholds: [
            [0, 'green'],
            [0.9, 'red'],
          ],
          queries: [{ expr: `${gauge('process_open_fds')} / ${gauge('process_max_fds')}`, legend: '{{instance}}' }],
        },
        {
          title: 'Refused share',
          description:
            'Connections turned away by a limit, of all that came. docs/reference/limits.md lists the limits.',
          unit: 'percentunit',
          thresholds: [
            [0, 'green'],
            [0.05, 'red'],
          ],
          queries: [{ expr: REFUSED_SHARE, legend: '{{instance}}' }],
        },
        {
          title: 'Certificates expire in',
          description: 'Time to the end of the certificate in use. No data without TLS. SIGHUP reads a new one.',
          unit: 's',
          thresholds: [
            [0, 'red'],
            [14 * 86_400, 'green'],
          ],
          queries: [
            {
              expr: `${gauge('xlreg_certificate_expiry_timestamp_seconds')} - time()`,
              legend: '{{instance}} {{listener}}',
            },
          ],
        },
        {
          title: 'Reloads in 10 minutes',
          description: 'Reloads by SIGHUP. After a failed one the old settings and certificates are in use.',
          unit: 'short',
          queries: [
            { expr: `increase(${gauge('xlreg_reloads_total')}[10m])`, legend: '{{instance}} {{result}}' },
            { expr: gauge('xlreg_reload_successful'), legend: '{{instance}} last one succeeded' },
          ],
        },
        {
          title: 'Log lines dropped a second',
          description: 'Standard error is full, slow, or has no reader. The server keeps serving.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_log_lines_dropped_total'), legend: '{{instance}}' }],
        },
        {
          title: 'Audit lines a second',
          description:
            'Lines written to the audit log, and lines lost because its file could not be written. The server keeps serving.',
          unit: 'ops',
          queries: [
            { expr: rate('xlreg_audit_lines_total'), legend: '{{instance}} written' },
            { expr: rate('xlreg_audit_lines_lost_total'), legend: '{{instance}} lost' },
          ],
        },
        {
          title: 'Newest audit line',
          description: 'Its number, and the hash for xlreg audit verify --expect.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_audit_newest_line'), legend: '{{instance}} {{hash}}' }],
        },
      ],
    },
    {
      title: 'Sessions',
      panels: [
        {
          title: 'Open sessions',
          description: 'Sessions by dialect and transport. Dialect none counts connections before their Hello.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_sessions_open'), legend: '{{instance}} {{dialect}} {{transport}}' }],
        },
        {
          title: 'Sessions started a second',
          description: 'Each start costs one RSA operation, the largest part of the CPU time.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_sessions_started_total'), legend: '{{instance}} {{dialect}} {{transport}}' }],
        },
        {
          title: 'Hellos a second, by comms key',
          description:
            'previous: clients that still use the regCred.dat from before the last key rotation. Once this is 0, run xlreg keys retire.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_hellos_total'), legend: '{{instance}} {{key}}' }],
        },
        {
          title: 'Sessions ended a second, by cause',
          description:
            'bye is the normal end. Faults and refusals appear by their code; the other ends are deadlines and limits.',
          unit: 'ops',
          queries: [
            { expr: `sum by (instance, end) (${rate('xlreg_sessions_ended_total')})`, legend: '{{instance}} {{end}}' },
          ],
        },
        {
          title: 'Messages answered a second',
          description: 'Answered messages by Op.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_messages_total'), legend: '{{instance}} {{op}}' }],
        },
        {
          title: 'Faults a second',
          description: 'Protocol violations by peers, by code. They come from faulty clients or from attackers.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_faults_total'), legend: '{{instance}} {{fault}}' }],
        },
        {
          title: 'Refusals a second',
          description:
            'Refusals by code. registry-full and cannot-store are problems of the registry; the per-address and per-client codes limit growth.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_refusals_total'), legend: '{{instance}} {{refusal}}' }],
        },
        {
          title: 'Replaced tokens presented again, a second',
          description:
            'A member switched back to earlier end points, or somebody replays its token. The log names the client.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_token_replays_total'), legend: '{{instance}}' }],
        },
        {
          title: 'Client IDs used in two places, a second',
          description:
            'Simultaneous sessions of one client ID with different end points: somebody copied the files of a member. The log names the client.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_client_twins_total'), legend: '{{instance}}' }],
        },
        {
          title: 'Clients bound to sealed, and IDs taken back',
          description:
            'Clients that the old dialects refuse, and IDs that went back to the key that they certify in 10 minutes. The log names those.',
          unit: 'short',
          queries: [
            { expr: gauge('xlreg_table_marked_clients'), legend: '{{instance}} bound' },
            { expr: `increase(${gauge('xlreg_ids_displaced_total')}[10m])`, legend: '{{instance}} taken back' },
          ],
        },
        {
          title: 'Admin port connections',
          description:
            'At most 64, and 32 from one address. Beyond that a new connection replaces an idle one, which counts as dropped.',
          unit: 'short',
          queries: [
            { expr: gauge('xlreg_admin_connections'), legend: '{{instance}}' },
            { expr: rate('xlreg_admin_connections_dropped_total'), legend: '{{instance}} dropped a second' },
          ],
        },
        {
          title: 'Refused by limits a second',
          description:
            'Connections closed and requests refused, by the limit. xlreg limits shows the settings and the addresses.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_limit_refused_total'), legend: '{{instance}} {{limit}}' }],
        },
        {
          title: 'Connections closed at a limit, a second',
          description:
            'Closed connections by limit; docs/reference/limits.md lists them. displaced: closed to make room for a new connection.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_admission_drops_total'), legend: '{{instance}} {{cause}}' }],
        },
        {
          title: 'Addresses',
          description: 'Addresses tracked by the limits per address, at most 65,536.',
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
          description: 'Cores in use by the process.',
          unit: 'short',
          queries: [{ expr: rate('process_cpu_seconds_total'), legend: '{{instance}}' }],
        },
        {
          title: 'CPU by thread',
          description:
            'A thread at 1 uses a whole core. Workers (--workers) and front ends (--fronts) can be added; the coordinator is single.',
          unit: 'percentunit',
          queries: [{ expr: rate('xlreg_thread_cpu_seconds_total'), legend: '{{instance}} {{thread}}' }],
        },
        {
          title: 'Sessions by front end',
          description: 'Sessions a second that each front end began (--fronts). Front end 0 is the main thread.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_front_sessions_started_total'), legend: '{{instance}} front {{front}}' }],
        },
        {
          title: 'Open sessions by front end',
          description: 'Connections of each front end, those before their Hello included.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_front_sessions_open'), legend: '{{instance}} front {{front}}' }],
        },
        {
          title: 'Failed front ends',
          description: 'Threads of front ends that failed and were replaced; their connections were closed.',
          unit: 'short',
          queries: [
            { expr: `increase(${gauge('xlreg_front_failures_total')}[10m])`, legend: '{{instance}} in 10 minutes' },
          ],
        },
        {
          title: 'Resident memory',
          description: 'Resident memory, including the table and 64 slots for each worker.',
          unit: 'bytes',
          queries: [{ expr: gauge('process_resident_memory_bytes'), legend: '{{instance}}' }],
        },
        {
          title: 'JavaScript heap in use',
          description: 'Heap in use by thread.',
          unit: 'bytes',
          queries: [{ expr: gauge('xlreg_thread_heap_used_bytes'), legend: '{{instance}} {{thread}}' }],
        },
        {
          title: 'JavaScript heap, share of its limit',
          description:
            'At 1 the thread ends. A worker or a further front end is replaced; the end of any other thread ends the process.',
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
            'Lateness of timers. The coordinator waits for the disk on its event loop, so a slow disk shows here too.',
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
