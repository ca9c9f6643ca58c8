// The texts of `xlreg help`. docs/reference/commands.md is made from them.

export const CLIENT_FLAGS = `
The registry, and the way to it:
  --registry FILE|URL         its credentials: regCred.dat, or http(s)://HOST:PORT/regCred.dat
                              [XLREG_REGISTRY, else ./xlreg-data/regCred.dat]
  --fingerprint SHA256:…      refuse any other sig key, or with an RSA dialect any other comms key; hex is accepted, too
  --transport tcp|ws          [tcp]
  --connect HOST:PORT|ws://…  replaces the end points of the credentials or, for ws, the host of the URL. Repeat it for
                              several: they are tried in turn, each for 3 s at most while others are left
  --dialect sealed|prefixed|chained
                              [sealed]; the others are for registries that do not know it, and encrypt without integrity
  --timeout SECONDS           for connecting, over all end points, and for each reply [10]
  --json                      one JSON object instead of lines

Exit codes:
  0    done
  1    the registry refused, this client is no longer a member, or time is up
  2    wrong usage
  3    the registry is not reachable, or is not the one of the credentials
  129, 130, 143  ended by SIGHUP, SIGINT, SIGTERM
A --wait whose time is up during a failure ends with the code of that failure.
`;

/** The flag --wait, alike in each command that has it. */
export const WAIT = `
  --wait SECONDS              retry so long after failures that may pass, with growing pauses and a line on stderr:
                              missing credentials, a registry that is down or full, a missing cluster. A key that
                              contradicts the credentials ends the command at once`;

const OVERVIEW = `xlreg: a registry through which the nodes of a cluster find each other

  xlreg serve      run a registry
  xlreg create     create a cluster
  xlreg join       join a cluster as a member, and wait for the others
  xlreg members    list the members of a cluster
  xlreg regcred    show a registry's credentials and their fingerprints
  xlreg check      verify the registry at each of its end points

  xlreg clusters   list the clusters of a running registry
  xlreg evict      remove a member from a cluster
  xlreg unmark     open the old dialects to a client of the sealed one again
  xlreg delete     delete a cluster
  xlreg sessions   list the sessions of a running registry

  xlreg keys       change the key that encrypts Hellos
  xlreg config     check a configuration file
  xlreg drain      stop a running registry in order
  xlreg backup     copy a running registry
  xlreg restore    turn a backup into a data directory
  xlreg store      verify the table of a registry, or copy it to another store
  xlreg export     print the table of a registry
  xlreg help COMMAND
  xlreg --version
`;

export const ADMIN_PORT = `
  --admin HOST:PORT           the registry's admin port [127.0.0.1:56791]; https://HOST:PORT with --admin-tls
  --data-dir DIR              its data directory, which holds admin-token [./xlreg-data]
  --token-file FILE           another file with the admin token
`;

export const ADMIN_FLAGS = `${ADMIN_PORT}  --json                      one JSON object instead of lines
`;

const CLUSTERS = `xlreg clusters [--prefix TEXT] [--fill empty|filling|full] [--limit N] [--cursor NAME] [FLAGS]

Lists the clusters of a running registry by name. The limit is 100 by default and 1000 at most.
${ADMIN_FLAGS}`;

const EVICT = `xlreg evict CLUSTER MEMBER [FLAGS]

Removes a member from a cluster; each is given by its name, or as id: and its ID. The next client to join takes the
empty seat. No other member moves.
${ADMIN_FLAGS}`;

const UNMARK = `xlreg unmark ID|--all [FLAGS]

Lifts the mark of a client, given by its ID, or all marks. A client that has registered through the sealed dialect is
marked: the others are closed to its ID and its SigKey. Its next session in the sealed dialect marks it again.
${ADMIN_FLAGS}`;

const DELETE = `xlreg delete CLUSTER [FLAGS]

Deletes a cluster with its members; it is given by its name, or as id: and its ID.
${ADMIN_FLAGS}`;

const SESSIONS = `xlreg sessions [--limit N] [--cursor NUMBER] [FLAGS]

Lists the connections of a running registry in order of arrival. The limit is 100 by default and 1000 at most.
${ADMIN_FLAGS}`;

const CONFIG = `xlreg config check FILE

Checks a configuration file. Exit code 0 means that a registry accepts it; 1 comes with a line for each problem.
`;

const KEYS = `xlreg keys show|rotate|retire [--data-dir DIR] [--json] [--force]

Changes a registry's comms key, which encrypts Hellos, without an outage for clients. The data directory may be in use.
Each step takes effect at the next start of the registry.

  show      prints the fingerprints of the key and of the previous one
  rotate    makes a new key; the present key becomes the previous one, which the registry goes on serving. The next
            start writes the new regCred.dat, which clients need from then on
  retire    removes the previous key, once xlreg_hellos_total{key="previous"} has stopped growing. Refused before the
            registry has started with the new key, because all clients still use the previous one

  --force                     retire in spite of that
  --data-dir DIR              [./xlreg-data]
  --json                      one JSON object instead of lines
`;

const DRAIN = `xlreg drain [--admin HOST:PORT] [--data-dir DIR | --token-file FILE]

Stops a running registry as SIGTERM does, and waits up to a minute for its end. The registry accepts no connections and
is not ready any more. It refuses the next message of each session, and closes silent sessions after --drain-grace-ms.
${ADMIN_PORT}`;

const BACKUP = `xlreg backup DIR [--admin HOST:PORT] [--data-dir DIR] [--token-file FILE]

Copies a running registry with its secret keys and its present table to a new directory.
${ADMIN_PORT}`;

const RESTORE = `xlreg restore DIR [--data-dir DIR]

Verifies a backup and makes a data directory from it, which must be missing or empty [./xlreg-data].
`;

const STORE = `xlreg store verify [--data-dir DIR]
xlreg store copy FROM TO [--data-dir DIR] [--etcd-…]

verify reads every record of the table of a stopped registry or of a backup, and prints their number or the fault.

copy copies the table of a stopped registry to a place without a table, reads the copy back, and compares each record.
A place is lmdb:DIR, where DIR is a data directory, or etcd:HOST:PORT,… with the --etcd-… flags of xlreg serve. For a
table in etcd, --data-dir names a data directory of its registry. Keys are not copied. An interrupted copy leaves
nothing at TO that a server would accept: start again.
`;

const EXPORT = `xlreg export [--json] [--data-dir DIR]

Prints the table of a stopped registry, or of a backup, as one JSON object a line.
`;

const CREATE = `xlreg create NAME --size N [--end-points 1|2] [--keep] [--wait SECONDS] [FLAGS]

Creates a cluster of N members, or finds the one of this name, and prints its actual properties. Without --keep, a
cluster without a member is removed after --empty-cluster-ttl of xlreg serve.

  --size N                    members when complete, 2 to 64
  --end-points 1|2            end points that each member must have [1]
  --keep                      keep the cluster, new or not, even without a member; needs the admin port${WAIT}
${ADMIN_PORT}${CLIENT_FLAGS}`;

const JOIN = `xlreg join NAME --name MEMBER --end-point HOST:PORT… [--label KEY=VALUE]… [--create --size N] [--home DIR]
           [--wait SECONDS] [--require-verified] [FLAGS]

Joins a cluster. The member's home keeps its keys and ID, so that it returns as the same member; the end points
and labels given now replace the former ones. Exit code 0 means that the roster has this member, and that no statement
in it contradicts its key or what this home has seen.

  --name MEMBER               the member's name
  --end-point HOST:PORT       where other members reach it; up to 4. auto:PORT has the address that the registry sees
  --label KEY=VALUE           what other members are told; 512 bytes in all
  --home DIR                  [$XDG_STATE_HOME/xlreg/REGISTRY_ID/MEMBER, in ~/.local/state without that variable;
                              ./xlreg-home/MEMBER where it holds a member]
  --require-verified          fail unless every member has a statement that is verified
  --new-registry-key          accept another sig key of the registry than the one that the home remembers
  --mark-lifted               join in an RSA dialect again after sealed, once the operator has allowed it
  --create --size N           create the cluster, of N members, if it is missing${WAIT}.
                              Then wait until the cluster is full, with changes on stderr. Another end point replaces
                              a lost server. A member that the registry has lost, as after a restore, joins again; an
                              evicted one ends with 1
${CLIENT_FLAGS}`;

const MEMBERS = `xlreg members NAME|ID [--wait SECONDS] [--require-verified] [FLAGS]

Lists the members of a cluster. 40 or 64 hex digits are an ID. STATEMENT is verified if the holder of a member's key has
signed the entry, none for a client in an RSA dialect; anything else is an error and ends with 1.

  --require-verified          fail unless every member is verified
${WAIT.slice(1)}.
                              Then wait until the cluster is full, also after the loss of a server
${CLIENT_FLAGS}`;

const REGCRED = `xlreg regcred [--registry FILE|URL] [--fingerprint SHA256:…] [--json]

Prints a registry's credentials with the fingerprints of its keys. It makes no connection, except to fetch a URL.
${CLIENT_FLAGS}`;

const CHECK = `xlreg check [--wait SECONDS] [FLAGS]

Connects to each end point of a registry and verifies its identity. Exit code 0 means that all are ok, else it is 3.
With --wait it repeats until all are ok or one has a wrong key. Results:

  ok                 the registry of the credentials
  not reachable      no connection
  wrong key          another registry
  full               a limit closed the connection, or with sealed the registry does not know that dialect
  wrong key or full  the connection was closed at the Hello, and no web port (that of a ws:// end point, or 56790
                     beside 56789) tells the key; with sealed, an old registry, too
${WAIT}
${CLIENT_FLAGS}`;

const HELP: ReadonlyMap<string, string> = new Map([
  ['create', CREATE],
  ['join', JOIN],
  ['members', MEMBERS],
  ['regcred', REGCRED],
  ['check', CHECK],
  ['clusters', CLUSTERS],
  ['evict', EVICT],
  ['unmark', UNMARK],
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

/** All commands, as the overview lists them. */
export function listCommands(): { readonly name: string; readonly does: string }[] {
  const lines = OVERVIEW.matchAll(/^ {2}xlreg ([a-z]+) {2,}(.+)$/gm);
  return [...lines].map(([, name, does]) => ({ name: name!, does: does! }));
}

/** The help of a command, or the overview; undefined if there is no such command. */
export async function helpFor(command: string | undefined): Promise<string | undefined> {
  // Its settings are loaded on demand: most commands have no use for them.
  if (command === 'serve') return (await import('./serve-help.ts')).serveHelp();
  return command === undefined ? OVERVIEW : HELP.get(command);
}
