// What `xlreg help` says.

const CLIENT_FLAGS = `
Which registry, and how to reach it:
  --registry FILE|URL         its credentials: regCred.dat, or http(s)://HOST:PORT/regCred.dat
                              (default: XLREG_REGISTRY, else ./xlreg-data/regCred.dat)
  --fingerprint SHA256:…      refuse it unless this is its comms key; hex will do, too
  --transport tcp|ws          default tcp
  --connect HOST:PORT|ws://…  instead of the end points in the credentials or, for ws, the host of the URL; may be given
                              several times. End points are tried in turn, each for 3 s at most while there are others
  --dialect chained|prefixed  default prefixed
  --timeout SECONDS           for connecting, over all end points, and for each answer, default 10
  --json                      one JSON object instead of lines

Exit codes: 0 done; 1 the registry refused, this is no longer a member, or time is up; 2 wrong usage; 3 the registry
cannot be reached or is not the one of the credentials; 129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM. When the time
of --wait is up during a failure, the exit code is that of the failure.
`;

/** What --wait covers in every command that has it. */
const WAIT = `
  --wait SECONDS              go on for so long after failures that may pass, with growing pauses and a line on stderr:
                              credentials that are not there yet, a registry that is not up or has no room, a cluster
                              that is not there. Another key than that of the credentials ends it at once`;

const OVERVIEW = `xlreg: a registry through which the nodes of a cluster find each other

  xlreg serve      run a registry
  xlreg create     create a cluster
  xlreg join       join it as a member, and wait for the others
  xlreg members    see who is in it
  xlreg regcred    show a registry's credentials and their fingerprints
  xlreg check      ask at each end point whether the registry of these credentials is there

  xlreg clusters   list the clusters of a running registry
  xlreg evict      take a member out of a cluster
  xlreg delete     take a cluster away
  xlreg sessions   list who is connected

  xlreg keys       change the key under which clients say Hello
  xlreg config     check a configuration file
  xlreg drain      stop a running registry in order
  xlreg backup     copy a running registry
  xlreg restore    make a registry of a backup
  xlreg store      verify the table of a registry, or copy it to another place
  xlreg export     print the table of a registry
  xlreg help COMMAND
  xlreg --version
`;

const SERVE = `xlreg serve [FLAGS]

Runs a registry until SIGTERM, SIGINT or xlreg drain; a second signal ends it at once. Every flag is also a variable of
the environment (--data-dir: XLREG_DATA_DIR) and a key of the configuration file ("data-dir"); flags win over the
environment, the environment over the file.

  --config FILE               a JSON object of settings
  --data-dir DIR              keys, ID and credentials, default ./xlreg-data
  --name NAME                 the registry's name, default xlReg
  --tcp HOST:PORT|off         the protocol over TCP, default 0.0.0.0:56789; port 0 picks one
  --ws HOST:PORT|off          the protocol over WebSocket at /xlreg, and /regCred.dat, default 0.0.0.0:56790
  --admin HOST:PORT|off       /metrics, /readyz, /healthz, default 127.0.0.1:56791
  --advertise HOST:PORT,…     the end points that regCred.dat tells clients, in the order to try them, 4 at most: every
                              server of this registry; off for none; default the one of --tcp
  --workers N                 threads for the crypto, default one for each core
  --hello-queue-ms N          Hellos may wait for so many milliseconds of a worker's time, default 50; the newest beyond
                              that is closed
  --reply-bytes-max N         the longest reply over TCP, 512 to 16384, default 16384
  --store lmdb|memory         where the cluster table is kept, default lmdb: durable, in the data directory
  --store etcd:HOST:PORT,…    in etcd, for any number of servers with the same keys, which are one registry
  --store-bytes-max N         the store counts as full at this size, default as much as the disk has
  --max-clusters N            default 1000000; --max-registrations N, default 2000000
  --ephemeral-ttl SECONDS     an ephemeral cluster that no member asks for is forgotten after this, default 3600
  --idle-registration-ttl SECONDS  a client in no cluster is forgotten after this, default 86400
  --empty-cluster-ttl SECONDS  a cluster without a member is forgotten after this, default 3600, unless it is kept
                              (xlreg create --keep)
  --ws-tls CERT,KEY           the same over TLS (wss, https), with a certificate (chain) and its key in PEM files, which
                              SIGHUP reads again; default off. node:https serves it, whatever --web-engine
  --admin-tls CERT,KEY        the same for the admin port
  --web-engine auto|uws|node  what serves the WebSocket port, default auto: uWebSockets.js where it loads
  --log-level LEVEL           trace, debug, info, warn, error, fatal or silent, default info; JSON lines on stderr,
                              one for each session that ends; SIGUSR2 switches between debug and info
  --slow-session-ms N         the line of a session that took longer is a warning, default none

Deadlines in milliseconds, each with its default:
  --hello-timeout-ms 5000     --idle-timeout-ms 30000             --write-timeout-ms 10000
  --partial-timeout-ms 5000   --joined-idle-timeout-ms 120000     --linger-timeout-ms 1000
  --session-timeout-ms 86400000
  --drain-grace-ms 5000       when it stops: for sessions to ask and be told so, before they are closed

Limits, each with its default; what is over one is closed without a word and counted by xlreg_admission_drops_total:
  --max-connections 20000     in all, TCP and WebSocket together; the oldest without a good Hello makes room
  --max-connections-per-address 256        an IPv6 /64 counts as one address
  --max-hellos-per-second 10000            in all; one second's worth may come at once
  --max-hellos-per-second-per-address 20   ten seconds' worth may come at once
  --limit-exempt 127.0.0.0/8,::1/128       networks whose addresses have no limits of their own; off for none
  --max-session-bytes 16777216             --max-session-messages 65536

Limits of what is added to the table; who is over one is told that the registry is full, and may come again:
  --max-registrations-per-second-per-address 20   of new clients; ten seconds' worth may come at once
  --max-clusters-per-second-per-address 20        of clusters that do not exist yet; the same
  --max-members-per-second-per-address 20         of Joins that take a seat; the same
  --max-clusters-per-client 10000                 that it made since the start and that are still there
  --max-seats-per-client 10000

Behind a load balancer; each is a list of networks, 10.0.0.0/8,…, or off, which is the default:
  --proxy-protocol NETWORKS   TCP connections from there begin with a PROXY protocol header, version 2, and have to
  --forwarded NETWORKS        the Forwarded header of WebSocket upgrades from there is believed
  --x-forwarded-for NETWORKS  the same for X-Forwarded-For
  --allowed-origins LIST      origins, https://HOST,…, whose pages may open a WebSocket; default off: none

Of --store etcd:
  --etcd-prefix A/PATH/       what its keys of this registry begin with, default xlreg/ID/
  --etcd-tls CA[,CERT,KEY]    over TLS: whom to believe and, if etcd asks, who comes; PEM files, default off
  --etcd-user NAME            with a password from --etcd-password-file FILE or XLREG_ETCD_PASSWORD

Exit codes: 0 stopped; 1 it could not go on; 2 it cannot be started like this; 75 it cannot be started now, but time may
mend that (a port or the data directory is in use, the store is away), so try again.
`;

const ADMIN_FLAGS = `
  --admin HOST:PORT           the registry's admin port, default 127.0.0.1:56791; https://HOST:PORT with --admin-tls
  --data-dir DIR              its data directory, where the token of the port is, default ./xlreg-data
  --token-file FILE           the token, if it is elsewhere
  --json                      one JSON object instead of lines
`;

const CLUSTERS = `xlreg clusters [--prefix TEXT] [--fill empty|filling|full] [--limit N] [--cursor NAME] [FLAGS]

Lists the clusters of a running registry by name, 100 unless told otherwise, 1000 at most.
${ADMIN_FLAGS}`;

const EVICT = `xlreg evict CLUSTER MEMBER [FLAGS]

Takes a member out of a cluster; each by its name, or id: and its ID. Its seat is the next one's who joins; nobody else
moves.
${ADMIN_FLAGS}`;

const DELETE = `xlreg delete CLUSTER [FLAGS]

Takes a cluster away, its members with it; by its name, or id: and its ID.
${ADMIN_FLAGS}`;

const SESSIONS = `xlreg sessions [--limit N] [--cursor NUMBER] [FLAGS]

Lists the connections of a running registry as they came, 100 unless told otherwise, 1000 at most.
${ADMIN_FLAGS}`;

const CONFIG = `xlreg config check FILE

Says whether a registry would take a configuration file: exit code 0, or 1 with one line for each problem.
`;

const KEYS = `xlreg keys show|rotate|retire [--data-dir DIR] [--json] [--force]

Changes a registry's comms key, under which clients say Hello, without cutting anybody off. The data directory may be in
use: each step counts from the registry's next start on.

  show      the fingerprints of the key, and of the previous one if there is one
  rotate    makes a new key; the one there is becomes the previous one, which is served, too. The registry's next start
            writes the new regCred.dat, which is what clients need now
  retire    removes the previous key, when xlreg_hellos_total{key="previous"} has stopped growing;
            refused before the registry has started with the new key: until then all clients use the previous one

  --force                     of retire: all the same
  --data-dir DIR              default ./xlreg-data
  --json                      one JSON object instead of lines
`;

const DRAIN = `xlreg drain [--admin HOST:PORT] [--data-dir DIR | --token-file FILE]

Tells a running registry to stop, as SIGTERM does, and waits up to a minute until it has: it accepts nobody, is not
ready any more, tells those who ask that it is shutting down, and closes the others after --drain-grace-ms.

  --admin HOST:PORT           the registry's admin port, default 127.0.0.1:56791; https://HOST:PORT with --admin-tls
  --data-dir DIR              its data directory, where admin-token is, default ./xlreg-data
  --token-file FILE           the token, if it is elsewhere
`;

const BACKUP = `xlreg backup DIR [--admin HOST:PORT] [--data-dir DIR] [--token-file FILE]

Copies a running registry, its secret keys included, to a new directory: its table as it is at this moment.

  --admin HOST:PORT           the registry's admin port, default 127.0.0.1:56791; https://HOST:PORT with --admin-tls
  --data-dir DIR              its data directory, where admin-token is, default ./xlreg-data
  --token-file FILE           the token, if it is elsewhere
`;

const RESTORE = `xlreg restore DIR [--data-dir DIR]

Verifies a backup and makes a data directory of it, which must not exist or be empty; default ./xlreg-data.
`;

const STORE = `xlreg store verify [--data-dir DIR]
xlreg store copy FROM TO [--data-dir DIR] [--etcd-…]

verify reads every record of the table of a registry that does not run, or of a backup, and says how many there are or what
is wrong.

copy copies the table of a registry that does not run to where there is none yet, reads the copy back, and compares it
record for record. Each place is lmdb:DIR, DIR being a data directory, or etcd:HOST:PORT,…, which --etcd-prefix, --etcd-tls,
--etcd-user and --etcd-password-file reach as xlreg serve does; for a table in etcd --data-dir is a data directory of its
registry. TO has the whole table or, whatever ends this half-way, none that a server takes; then begin anew. Keys are not
copied.
`;

const EXPORT = `xlreg export [--json] [--data-dir DIR]

Prints the table of a registry that does not run, or of a backup, as one JSON object a line.
`;

const CREATE = `xlreg create NAME --size N [--end-points 1|2] [--keep] [--wait SECONDS] [FLAGS]

Creates a cluster of N members, or finds the one of this name, and prints what it really is. Without a member it is
forgotten after --empty-cluster-ttl of xlreg serve, unless it is kept.

  --size N                    members when complete, 2 to 64
  --end-points 1|2            end points that each member must have, default 1
  --keep                      as the operator, over the admin port: it stays without a member; an existing one is marked${WAIT}
${ADMIN_FLAGS.replace('  --json                      one JSON object instead of lines\n', '')}${CLIENT_FLAGS}`;

const JOIN = `xlreg join NAME --name MEMBER --end-point HOST:PORT… [--create --size N] [--home DIR] [--wait SECONDS] [FLAGS]

Joins a cluster. Keys and ID of the member stay in its home, so that it comes back as the same member; the end points
given now replace those it had. Exit code 0 means that this member is on the roster.

  --name MEMBER               the member's name
  --end-point HOST:PORT       where the other members reach it; up to 4 of them
  --home DIR                  default $XDG_STATE_HOME/xlreg/REGISTRY_ID/MEMBER, in ~/.local/state unless set;
                              ./xlreg-home/MEMBER where a member lives there
  --create --size N           creates the cluster, of N members, if it is missing${WAIT}.
                              Then until the cluster is full; changes are told on stderr meanwhile. A server that goes
                              away is replaced by another end point. A member that a registry has lost, as after a
                              restore, joins again; one that sees itself evicted ends with 1
${CLIENT_FLAGS}`;

const MEMBERS = `xlreg members NAME|ID [--wait SECONDS] [FLAGS]

Prints who is in a cluster. 40 or 64 hex digits are taken for an ID.

${WAIT.slice(1)}.
                              Then until the cluster is full, over the death of a server, too
${CLIENT_FLAGS}`;

const REGCRED = `xlreg regcred [--registry FILE|URL] [--fingerprint SHA256:…] [--json]

Prints a registry's credentials with the fingerprints of its keys. Connects to nobody, except to fetch a URL.
${CLIENT_FLAGS}`;

const CHECK = `xlreg check [--wait SECONDS] [FLAGS]

Connects to each end point of a registry and asks who it is: ok, not reachable, wrong key, full, or wrong key or full:
the connection was closed at the Hello, and no web port there (that of a ws:// end point, or 56790 beside 56789) tells
the key. Exit code 0 if all of them are ok, else 3. With --wait it looks again until all are ok or one has a wrong key.
${WAIT}
${CLIENT_FLAGS}`;

const HELP: ReadonlyMap<string, string> = new Map([
  ['serve', SERVE],
  ['create', CREATE],
  ['join', JOIN],
  ['members', MEMBERS],
  ['regcred', REGCRED],
  ['check', CHECK],
  ['clusters', CLUSTERS],
  ['evict', EVICT],
  ['delete', DELETE],
  ['sessions', SESSIONS],
  ['keys', KEYS],
  ['config', CONFIG],
  ['drain', DRAIN],
  ['backup', BACKUP],
  ['restore', RESTORE],
  ['store', STORE],
  ['export', EXPORT],
]);

/** The help of a command, or the overview; undefined if there is no such command. */
export function helpFor(command: string | undefined): string | undefined {
  return command === undefined ? OVERVIEW : HELP.get(command);
}
