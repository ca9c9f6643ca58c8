// The settings of a server, each once: its schema, default and text. The help of `xlreg serve`,
// docs/reference/settings.md and packaging/config.example.json are made from this file.
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { isCidr } from './admission/ip-address.ts';
import {
  AUDIT_FILE_BYTES_MAX,
  AUDIT_FILE_BYTES_MIN,
  AUDIT_FILES_MAX,
  CONNECTIONS_MAX,
  FRONTS_MAX,
  MESSAGE_BYTES_MAX,
  REPLY_BYTES_MAX,
  REPLY_BYTES_MIN,
  SESSION_MESSAGES_MAX,
  SHUTDOWN_DELAY_SECONDS_MAX,
  TOKEN_END_POINTS_MAX,
  WAIT_MS_MAX,
  WORKERS_MAX,
} from './limits.ts';
import { canSharePorts } from './runtime/port-sharing.ts';
import {
  advertised,
  authorityAndCertificate,
  certificateFiles,
  duration,
  isOrigin,
  isStore,
  list,
  listenAddress,
  whole,
} from './setting-values.ts';
import type { StoreName } from './store/open-store.ts';
import { SESSION_DIALECTS, type SessionDialect } from './wire/hello.ts';
import { isName } from './wire/name.ts';

type Group = 'listen' | 'work' | 'store' | 'backup' | 'table' | 'limits' | 'growth' | 'proxies' | 'deadlines' | 'log';

interface SettingGroup {
  readonly title: string;
  readonly text: string | undefined;
  /** True if SIGHUP applies a change of each setting; otherwise a change needs a restart. */
  readonly reloads?: true;
}

/** Headings of the settings, in order; the text applies to each setting below it. */
export const GROUPS: Readonly<Record<Group, SettingGroup>> = {
  listen: { title: 'Identity and ports', text: 'Port 0 picks a free port.' },
  work: { title: 'Work', text: undefined },
  store: { title: 'Store', text: 'The etcd-… settings apply to a table in etcd.' },
  backup: { title: 'Backups', text: undefined },
  table: { title: 'Table', text: undefined, reloads: true },
  limits: {
    title: 'Limits on connections, Hellos and sessions',
    text: 'The server closes an excess connection silently and counts it in xlreg_admission_drops_total.',
    reloads: true,
  },
  growth: {
    title: 'Limits on additions to the table',
    text: 'A client above a limit is told "registry is full" and may retry; ten seconds\' worth may come at once.',
    reloads: true,
  },
  proxies: { title: 'Load balancers and web pages', text: 'NETWORKS is a list such as 10.0.0.0/8,fd00::/8, or off.' },
  deadlines: { title: 'Deadlines', text: 'Each is in milliseconds.' },
  log: { title: 'Log', text: undefined },
};

interface SettingText {
  readonly group: Group;
  /** The syntax of its value. */
  readonly value: string;
  readonly about: string;
  /** The default in words, where there is no literal default. */
  readonly otherwise?: string;
  /** A value for the example of a configuration file; the default without it. */
  readonly example?: string | number;
  /** As that of its group. */
  readonly reloads?: true;
}

export const texts = z.registry<SettingText>();

/** A day: far below what a timer can hold. */
const MILLISECONDS_MAX = 86_400_000;
/** Ten years. */
const SECONDS_MAX = 315_360_000;
const ETCD_PREFIX_CHARS_MAX = 256;

function deadline(fallback: number, about: string) {
  return whole(1, MILLISECONDS_MAX).default(fallback).register(texts, { group: 'deadlines', value: 'MS', about });
}

function timeToLive(fallback: number, about: string) {
  return whole(1, SECONDS_MAX).default(fallback).register(texts, { group: 'table', value: 'SECONDS', about });
}

function limit(group: Group, most: number, fallback: number, about: string) {
  return whole(1, most).default(fallback).register(texts, { group, value: 'N', about });
}

function believedNetworks(about: string) {
  return list(isCidr, 'ADDRESS/BITS').prefault('off').register(texts, { group: 'proxies', value: 'NETWORKS', about });
}

/** Each setting by its flag's name. The environment has it as XLREG_…, the file under the name as it is here. */
export const settings = z.strictObject({
  'data-dir': z
    .string()
    .min(1)
    .default('./xlreg-data')
    .register(texts, {
      ...{ group: 'listen', value: 'DIR', example: '/var/lib/xlreg' },
      about: 'keys, ID, credentials, admin token and, with lmdb, the table',
    }),
  name: z
    .string()
    .refine(isName, 'should be 1 to 128 letters, digits, _ . -')
    .default('xlReg')
    .register(texts, { group: 'listen', value: 'NAME', about: "the registry's name in its credentials" }),
  tcp: listenAddress
    .prefault('0.0.0.0:56789')
    .register(texts, { group: 'listen', value: 'HOST:PORT|off', about: 'the protocol over TCP' }),
  ws: listenAddress.prefault('0.0.0.0:56790').register(texts, {
    ...{ group: 'listen', value: 'HOST:PORT|off' },
    about: 'the protocol over WebSocket at /xlreg, and /regCred.dat over HTTP',
  }),
  admin: listenAddress.prefault('127.0.0.1:56791').register(texts, {
    ...{ group: 'listen', value: 'HOST:PORT|off' },
    about: 'metrics, health, status page and API for operators',
  }),
  health: listenAddress.optional().register(texts, {
    ...{ group: 'listen', value: 'HOST:PORT|off', otherwise: 'off', example: 'off' },
    about: '/livez and /readyz alone, without a token, for load balancers on other machines',
  }),
  advertise: advertised.optional().register(texts, {
    ...{ group: 'listen', value: 'HOST:PORT,…|off', otherwise: 'that of --tcp', example: 'registry.example:56789' },
    about: `the end points of all servers in regCred.dat, in the order to try them, ${TOKEN_END_POINTS_MAX} at most`,
  }),
  'ws-tls': certificateFiles.optional().register(texts, {
    ...{ group: 'listen', value: 'CERT,KEY|off', otherwise: 'off', example: 'off' },
    about: 'PEM files for wss and https on --ws',
    reloads: true,
  }),
  'admin-tls': certificateFiles.optional().register(texts, {
    ...{ group: 'listen', value: 'CERT,KEY|off', otherwise: 'off', example: 'off' },
    about: 'PEM files for https on --admin',
    reloads: true,
  }),
  'web-engine': z
    .enum(['auto', 'uws', 'node'])
    .default('auto')
    .register(texts, {
      ...{ group: 'listen', value: 'auto|uws|node' },
      about: 'the engine of --ws: auto takes uWebSockets.js where it loads; TLS always takes node',
    }),
  dialects: z
    .string()
    .transform((text) => text.split(',') as SessionDialect[])
    .refine((names) => names.every((name) => SESSION_DIALECTS.includes(name)), 'should be chained,prefixed,sealed')
    .refine((names) => new Set(names).size === names.length, 'should name each dialect once')
    .prefault(SESSION_DIALECTS.join(','))
    .register(texts, {
      ...{ group: 'listen', value: 'NAME,…' },
      about: 'the dialects that are served, of chained, prefixed and sealed; sealed needs an sk.pem of 2,048 bits',
    }),

  fronts: whole(1, FRONTS_MAX)
    .refine((count) => count === 1 || canSharePorts(), 'above 1 needs Node 22.12 or later on Linux')
    .default(1)
    .register(texts, {
      ...{ group: 'work', value: 'N', example: 1 },
      about: 'threads for TCP connections, which share the port and the workers; above 1 needs Linux and Node 22.12',
    }),
  workers: whole(1, WORKERS_MAX)
    .default(availableParallelism())
    .register(texts, {
      ...{ group: 'work', value: 'N', otherwise: 'one for each core', example: 4 },
      about: 'threads for the cryptography',
    }),
  'hello-queue-ms': whole(1, MILLISECONDS_MAX)
    .default(50)
    .register(texts, {
      ...{ group: 'work', value: 'MS' },
      about: "the bound of queued Hellos, in milliseconds of a worker's time; the newest beyond it is closed",
    }),
  'reply-bytes-max': whole(REPLY_BYTES_MIN, REPLY_BYTES_MAX)
    .default(REPLY_BYTES_MAX)
    .register(texts, { group: 'work', value: 'BYTES', about: 'the longest reply over TCP' }),

  store: z
    .custom<StoreName>(isStore, 'should be lmdb, memory or etcd:HOST:PORT,…')
    .default('lmdb')
    .register(texts, {
      ...{ group: 'store', value: 'lmdb|memory|etcd:HOST:PORT,…' },
      about: 'where the table is: durable in the data directory, in memory only, or in etcd for several servers',
    }),
  'store-bytes-max': whole(1_000_000, Number.MAX_SAFE_INTEGER)
    .optional()
    .register(texts, {
      ...{ group: 'store', value: 'BYTES', otherwise: 'the size of the disk', example: 100_000_000_000 },
      about: 'the size at which lmdb counts as full',
    }),
  'etcd-prefix': z
    .string()
    .regex(/^[\w.-]+(?:\/[\w.-]+)*\/$/, 'should be like a/path/')
    .max(ETCD_PREFIX_CHARS_MAX)
    .optional()
    .register(texts, {
      ...{ group: 'store', value: 'A/PATH/', otherwise: 'xlreg/ID/', example: 'xlreg/' },
      about: 'the prefix of the keys of this registry in etcd',
    }),
  'etcd-tls': authorityAndCertificate.optional().register(texts, {
    ...{ group: 'store', value: 'CA[,CERT,KEY]|off', otherwise: 'off', example: 'off' },
    about: 'PEM files: the authority of the certificates of etcd, and a client certificate if etcd asks for one',
  }),
  'etcd-user': z
    .string()
    .min(1)
    .optional()
    .register(texts, { group: 'store', value: 'NAME', otherwise: 'none', example: 'xlreg', about: 'the user of etcd' }),
  'etcd-password-file': z
    .string()
    .min(1)
    .optional()
    .register(texts, {
      ...{
        group: 'store',
        value: 'FILE',
        otherwise: 'XLREG_ETCD_PASSWORD of the environment',
        example: '/etc/xlreg/etcd-password',
      },
      about: "the file with that user's password",
    }),

  'backup-dir': z
    .string()
    .min(1)
    .transform((text) => (text === 'off' ? undefined : text))
    .optional()
    .register(texts, {
      ...{ group: 'backup', value: 'DIR|off', otherwise: 'off', example: 'off' },
      about: 'an existing directory outside --data-dir for scheduled backups of keys and table; needs --store lmdb',
    }),
  'backup-every': duration
    .prefault('6h')
    .register(texts, { group: 'backup', value: 'TIME', about: 'time between two backups: 30m, 6h, 7d' }),
  'backup-keep': limit('backup', 10_000, 14, 'good backups kept; older ones are removed'),

  'max-clusters': limit('table', 100_000_000, 1_000_000, 'clusters in the table'),
  'max-registrations': limit('table', 100_000_000, 2_000_000, 'registrations in the table'),
  'ephemeral-ttl': timeToLive(
    3_600,
    'lifetime of an unused ephemeral cluster, and of an ephemeral client without a seat',
  ),
  'idle-registration-ttl': timeToLive(86_400, 'lifetime of any other unused client without a seat'),
  'empty-cluster-ttl': timeToLive(
    3_600,
    'lifetime of a cluster without a member, unless xlreg create --keep marked it',
  ),

  'max-connections': limit(
    ...(['limits', CONNECTIONS_MAX, 20_000] as const),
    'TCP and WebSocket together; a new connection displaces the oldest without a good Hello',
  ),
  'max-connections-per-address': limit(
    'limits',
    1_000_000,
    256,
    'connections of one address; an IPv6 /64 is one address',
  ),
  'max-hellos-per-second': limit('limits', 1_000_000, 10_000, "Hellos in all; one second's worth may come at once"),
  'max-hellos-per-second-per-address': limit(
    ...(['limits', 1_000_000, 20] as const),
    "Hellos of one address; ten seconds' worth may come at once",
  ),
  'max-session-bytes': whole(MESSAGE_BYTES_MAX, Number.MAX_SAFE_INTEGER)
    .default(16_777_216)
    .register(texts, { group: 'limits', value: 'BYTES', about: 'bytes from the client in one session' }),
  'max-session-messages': limit('limits', SESSION_MESSAGES_MAX, SESSION_MESSAGES_MAX, 'messages in one session'),
  'limit-exempt': list(isCidr, 'ADDRESS/BITS')
    .prefault('127.0.0.0/8,::1/128')
    .register(texts, { group: 'limits', value: 'NETWORKS|off', about: 'networks without limits per address' }),

  'max-registrations-per-second-per-address': limit('growth', 1_000_000, 20, 'new registrations of one address'),
  'max-clusters-per-second-per-address': limit('growth', 1_000_000, 20, 'new clusters of one address'),
  'max-members-per-second-per-address': limit('growth', 1_000_000, 20, 'new members of one address'),
  'max-clusters-per-client': limit(
    ...(['growth', 100_000_000, 10_000] as const),
    'existing clusters that one client has created since the start of the server',
  ),
  'max-seats-per-client': limit('growth', 100_000_000, 10_000, 'seats of one client'),

  'proxy-protocol': believedNetworks(
    'proxies whose TCP connections must begin with a PROXY protocol header, version 2',
  ),
  forwarded: believedNetworks('proxies whose Forwarded header of WebSocket upgrades is trusted'),
  'x-forwarded-for': believedNetworks('proxies whose X-Forwarded-For header of WebSocket upgrades is trusted'),
  'allowed-origins': list(isOrigin, 'https://HOST')
    .prefault('off')
    .register(texts, {
      ...{ group: 'proxies', value: 'https://HOST,…|off' },
      about: 'origins of web pages that may open a WebSocket',
    }),
  'shutdown-delay': whole(0, SHUTDOWN_DELAY_SECONDS_MAX)
    .default(0)
    .register(texts, {
      ...{ group: 'proxies', value: 'SECONDS' },
      about: 'from the failure of /readyz to the closing of the ports when the server stops',
    }),

  'hello-timeout-ms': deadline(5_000, 'from the connection to a complete Hello'),
  'partial-timeout-ms': deadline(5_000, 'from the first byte of a message to its last'),
  'idle-timeout-ms': deadline(30_000, 'from a reply to the next message, before the first JoinReply'),
  'joined-idle-timeout-ms': deadline(120_000, 'the same after a JoinReply'),
  'write-timeout-ms': deadline(10_000, 'for the peer to take a reply'),
  'session-timeout-ms': deadline(MILLISECONDS_MAX, 'for a session'),
  'linger-timeout-ms': deadline(1_000, "for the peer's FIN after that of the server"),
  'drain-grace-ms': deadline(5_000, 'for sessions to end by themselves when the server stops'),

  'max-wait-ms': whole(0, WAIT_MS_MAX)
    .default(60_000)
    .register(texts, {
      ...{ group: 'deadlines', value: 'MS' },
      about: 'the longest wait of a client for a change of its cluster, in the sealed dialect; 0: none waits',
    }),

  'log-level': z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .register(texts, {
      ...{ group: 'log', value: 'trace|debug|info|warn|error|fatal|silent' },
      about: 'the least level that is logged; SIGUSR2 switches between debug and info',
      reloads: true,
    }),
  'audit-log': z
    .string()
    .min(1)
    .optional()
    .register(texts, {
      ...{
        group: 'log',
        value: 'FILE|off',
        otherwise: 'audit.log in the data directory',
        example: '/var/lib/xlreg/audit.log',
      },
      about: 'where to record what operators and members change, for xlreg audit verify',
    }),
  'audit-file-bytes': whole(AUDIT_FILE_BYTES_MIN, AUDIT_FILE_BYTES_MAX)
    .default(16_777_216)
    .register(texts, { group: 'log', value: 'BYTES', about: 'the size from which a file of the audit log is rotated' }),
  'audit-files': whole(2, AUDIT_FILES_MAX)
    .default(8)
    .register(texts, {
      ...{ group: 'log', value: 'N' },
      about: 'files of the audit log that are kept, the newest included; the oldest is deleted',
    }),
  'slow-session-ms': whole(1, MILLISECONDS_MAX)
    .optional()
    .register(texts, {
      ...{ group: 'log', value: 'MS', otherwise: 'none', example: 60_000 },
      about: 'the duration from which a session is logged as a warning',
    }),
});
