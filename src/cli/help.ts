// The texts of `xlreg help`. docs/reference/commands.md, the man page and the completions are made from them, so their
// form is fixed: synopsis lines that begin with `xlreg COMMAND`, paragraphs, then lines `  --flag VALUE   text`.

import { ADMIN_FLAGS, ADMIN_PORT, CLIENT_FLAGS, DATA_DIRECTORY, JSON_FLAG, WAIT } from './help-flags.ts';
import { SETTINGS_RULE } from './settings-rule.ts';

const OVERVIEW = `xlreg: a registry through which the nodes of a cluster find each other

  xlreg serve      run a registry
  xlreg create     create a cluster
  xlreg join       join a cluster as a member, and wait for the others
  xlreg leave      give a member's seat back
  xlreg members    list the members of a cluster
  xlreg token      add, list and revoke join tokens of a cluster
  xlreg verify     verify a roster that was saved
  xlreg regcred    show a registry's credentials and their fingerprints
  xlreg check      verify the registry at each of its end points

  xlreg clusters   list the clusters of a running registry
  xlreg evict      remove a member from a cluster
  xlreg unmark     open the old dialects to a client of the sealed one again
  xlreg delete     delete a cluster
  xlreg sessions   list the sessions of a running registry
  xlreg limits     show the limits of a running registry, and whom they turn away

  xlreg admin      add, list, revoke and rotate admin tokens
  xlreg audit      verify the audit log of a registry

  xlreg keys       change the key that encrypts Hellos
  xlreg config     show the settings in effect, or check them
  xlreg drain      stop a running registry in order
  xlreg backup     copy a running registry
  xlreg restore    turn a backup into a data directory
  xlreg store      verify the table of a registry, or copy it to another store
  xlreg export     print the table of a registry

  xlreg demo       show a registry and a cluster on this machine, step by step
  xlreg completion  print the completions of a shell
  xlreg help COMMAND
  xlreg --version
`;

const CLUSTERS = `xlreg clusters [FLAGS]

Lists the clusters of a running registry by name.

  --prefix TEXT               only names that begin so
  --fill empty|filling|full   only clusters of this state
  --limit N                   clusters of a page, 1000 at most [100]
  --cursor NAME               the page behind this name
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

const SESSIONS = `xlreg sessions [FLAGS]

Lists the connections of a running registry in order of arrival.

  --limit N                   connections of a page, 1000 at most [100]
  --cursor NUMBER             the page behind this connection
${ADMIN_FLAGS}`;

const LIMITS = `xlreg limits [FLAGS]

Shows the limits of a running registry. For each setting: its value, the present use, and how often it refused in the
last five minutes and since the start. For a limit per address, the use is that of the address with most; a Hello counts
until its token is back. Below them: the 16 addresses that were refused most, with the limits' names in metrics and log.
${ADMIN_FLAGS}`;

const ADMIN = `xlreg admin token add NAME --role read|operate|admin [--ttl TIME] [FLAGS]
xlreg admin token list|revoke NAME|rotate [FLAGS]

Handles the admin tokens of a running registry, at once and for its next starts. It needs a token of the role admin,
such as the local one in admin-token of the data directory.

  add       makes a token and prints it, once; the registry keeps its hash only
  list      prints names, roles and expiries
  revoke    removes a token; open streams of its holder end
  rotate    replaces the local token in its file

  --role ROLE                 read: look; operate: evict, delete, drain, log level, too; admin: backups and tokens, too
  --ttl TIME                  lifetime, such as 90d, 12h, 30m, 45s [no expiry]
${ADMIN_FLAGS}`;

const AUDIT = `xlreg audit verify [FILE] [--expect HASH] [--json] [FLAGS]

Verifies the audit log of a registry, which may run: no line is missing, changed or in another order, over all files
from the oldest to FILE. Exit code 1 comes with the first line that is wrong.

  --expect HASH               a line must have this hash, or the newest lines were cut off. The newest hash is in the
                              metric xlreg_audit_newest_line and, from time to time, in the server's log
${JSON_FLAG}${DATA_DIRECTORY}`;

const CONFIG = `xlreg config show [--changed] [--json] [FLAGS]
xlreg config check [FILE] [--values-only] [--json] [FLAGS]

The settings with which xlreg serve would start here, from the same flags, environment and configuration file.
${SETTINGS_RULE}

show prints each setting with its origin, and no secret. Exit code 1 means that one is faulty.

check reports each fault of any source in a line: bad values, unknown and duplicate keys, misspelled variables, files
that cannot be used, expired certificates, ports that clash or are taken. Exit code 0 means that there is none, else it
is 1. FILE is the same as --config FILE. The ports of a registry that runs on the data directory are no fault.

  --changed                   show only what differs from the default
${JSON_FLAG}  --values-only               check the values alone: no file that they name, no port
  --config FILE               the configuration file
Each flag of xlreg serve is accepted, too.
`;

const KEYS = `xlreg keys show|rotate|retire [--force] [FLAGS]

Changes a registry's comms key, which encrypts Hellos, without an outage for clients. The data directory may be in use.
Each step takes effect at the next start of the registry.

  show      prints the fingerprints of the key and of the previous one
  rotate    makes a new key; the present key becomes the previous one, which the registry goes on serving. The next
            start writes the new regCred.dat, which clients need from then on
  retire    removes the previous key, once xlreg_hellos_total{key="previous"} has stopped growing. Refused before the
            registry has started with the new key, because all clients still use the previous one

  --force                     retire in spite of that
${JSON_FLAG}${DATA_DIRECTORY}`;

const DRAIN = `xlreg drain [FLAGS]

Stops a running registry as SIGTERM does, and waits for its end: --shutdown-delay, and then up to a minute. The registry
is not ready any more at once. After --shutdown-delay it accepts no connections, refuses the next message of each
session, and closes silent sessions after --drain-grace-ms.
${ADMIN_FLAGS}`;

const BACKUP = `xlreg backup DIR|- [FLAGS]

Copies a running registry with its secret keys and its present table to a new directory. With - it writes a tar archive
to standard output, which needs no access to the files of the registry. Exit code 0 means that the archive is whole.
Keep both as secret as the keys. xlreg serve --backup-dir makes backups on a schedule.
${ADMIN_FLAGS}`;

const RESTORE = `xlreg restore DIR|FILE|- [FLAGS]

Verifies a backup and makes a data directory from it, which must be missing or empty. DIR is a backup in a directory,
FILE or standard input (-) an archive of xlreg backup -. An incomplete archive is refused.

${JSON_FLAG}${DATA_DIRECTORY}`;

const STORE = `xlreg store verify [FLAGS]
xlreg store copy FROM TO [FLAGS]

verify reads every record of the table of a stopped registry or of a backup, and prints their number or the fault.

copy copies the table of a stopped registry to a place without a table, reads the copy back, and compares each record.
A place is lmdb:DIR, where DIR is a data directory, or etcd:HOST:PORT,… with the --etcd-… flags of xlreg serve. For a
table in etcd, --data-dir names a data directory of its registry. Keys are not copied. An interrupted copy leaves
nothing at TO that a server would accept: start again.

  --etcd-prefix A/PATH/       the prefix of the keys of this registry in etcd [xlreg/ID/]
  --etcd-tls CA[,CERT,KEY]    PEM files: the authority of the certificates of etcd, and a client certificate
  --etcd-user NAME            the user of etcd
  --etcd-password-file FILE   the file with that user's password [XLREG_ETCD_PASSWORD of the environment]
${JSON_FLAG}${DATA_DIRECTORY}`;

const EXPORT = `xlreg export [FLAGS]

Prints the table of a stopped registry, or of a backup, as one JSON object a line.
${DATA_DIRECTORY}`;

const CREATE = `xlreg create NAME --size N [--end-points 1|2] [--confirm SECONDS] [--keep] [--wait SECONDS] [FLAGS]
xlreg create NAME --size N --token [--uses N] [--ttl TIME] [--for MEMBER] [--observer] [--confirm SECONDS] [--home DIR]
             [FLAGS]

Creates a cluster of N members, or finds the one of this name, and prints its actual properties. Without --keep, a
cluster without a member is removed after --empty-cluster-ttl of xlreg serve.

  --size N                    members when complete, 2 to 64
  --end-points 1|2            end points that each member must have [1]
  --confirm SECONDS           15 to 3600: once all have joined, each member has to be heard from within this time, or it
                              loses its seat; only then is the cluster complete. Use 30 where every node runs
                              xlreg join --wait or the library. 0: a full cluster is complete [0]
  --keep                      keep the cluster, new or not, even without a member; needs the admin port
  --token                     admit only who brings a join token, and print the first one; the registry keeps its hash
                              only. The creator's keys own the cluster, and xlreg token adds more tokens with them
  --uses N                    members that the token admits, 1 to 1024 [N of --size; 1 with --for]
  --ttl TIME                  its lifetime, such as 90d, 12h, 30m, 45s [no expiry]
  --for MEMBER                it admits this member only, and keeps the name for it
  --observer                  it admits to xlreg members only
  --home DIR                  the creator's home
                              [$XDG_STATE_HOME/xlreg/REGISTRY_ID/.creator, in ~/.local/state without that variable]${WAIT}
${ADMIN_PORT}${CLIENT_FLAGS}`;

const TOKEN = `xlreg token add NAME [--uses N] [--ttl TIME] [--for MEMBER] [--replace] [--observer] [FLAGS]
xlreg token list NAME [FLAGS]
xlreg token revoke NAME HASH [FLAGS]

Handles the join tokens of a cluster that was created with --token: with the creator's keys, or with --admin as the
registry's operator. A revoked token admits nobody any more; those that it has admitted stay.

  add       makes a token and prints it, once; the registry keeps its hash only
  list      prints the hash, the uses and the expiry of each token
  revoke    removes a token, given by its hash or the beginning of it

  --uses N                    members that the token admits, 1 to 1024 [the cluster's size; 1 with --for]
  --ttl TIME                  its lifetime, such as 90d, 12h, 30m, 45s [no expiry]
  --for MEMBER                it admits this member only, and keeps the name for it
  --replace                   with --for: it gives the member's seat to new keys, as after the loss of a disk; the former
                              keys are refused from then on
  --observer                  it admits to xlreg members only
  --home DIR                  the creator's home [as for xlreg create]

With --admin, add needs a token of the role admin, the others one of the role operate:
  --admin HOST:PORT           the admin port; https://HOST:PORT for one with TLS
  --cacert FILE               certificates of the authorities to trust for https [those of the system]
  --token-file FILE           a file with an admin token [admin-token in the data directory]
  --data-dir DIR              the registry's data directory [./xlreg-data]
  --config FILE               the configuration file
${CLIENT_FLAGS}`;

/** The flag --token of commands that present a token. */
const PRESENTED_TOKEN = `
  --token TOKEN               a join token, where the cluster admits by tokens [XLREG_TOKEN, which other users of the
                              machine cannot see]`;

const JOIN = `xlreg join NAME --name MEMBER --end-point HOST:PORT… [--label KEY=VALUE]… [--create --size N [--confirm SECONDS]]
           [--home DIR] [--token TOKEN] [--wait SECONDS [--exec CMD]] [--require-verified] [FLAGS]

Joins a cluster. The member's home keeps its keys and ID, so that it returns as the same member; the end points
and labels given now replace the former ones. Exit code 0 means that the roster has this member, and that no statement
in it contradicts its key or what this home has seen.

  --name MEMBER               the member's name
  --end-point HOST:PORT       where other members reach it; up to 4. auto:PORT has the address that the registry sees
  --label KEY=VALUE           what other members are told; 512 bytes in all
  --home DIR                  [$XDG_STATE_HOME/xlreg/REGISTRY_ID/MEMBER, in ~/.local/state without that variable;
                              ./xlreg-home/MEMBER where it holds a member]
${PRESENTED_TOKEN.slice(1)}
  --require-verified          fail unless every member has a statement that is verified
  --new-registry-key          accept another sig key of the registry than the one that the home remembers
  --mark-lifted               join in an RSA dialect again after sealed, once the operator has allowed it
  --create --size N           create the cluster, of N members, if it is missing
  --confirm SECONDS           its confirm time, as for xlreg create [0]${WAIT}.
                              Then wait until the cluster is complete, with changes on stderr. Another end point takes
                              the place of a lost server. A member that the registry has lost, as after a restore, or
                              whose seat a round has emptied, joins again; an evicted one ends with 1
  --exec CMD                  with --wait: once the cluster is complete, run CMD by sh -c, and end with its exit code;
                              128 plus the signal's number if a signal ended it. SIGTERM, SIGINT and SIGHUP go to CMD

CMD gets the roster in the file XLREG_ROSTER_FILE, HOME/roster.json, as xlreg members --json prints it; nothing else is
printed. XLREG_CLUSTER, XLREG_CLUSTER_ID, XLREG_MEMBER_NAME, XLREG_MEMBER_ID and XLREG_INDEX tell its place, XLREG_HOME
the home with its keys. XLREG_TOKEN is removed. The seat needs no session, so none is open while CMD runs, and the file
stays as it was at the start. CMD is started once. If it has several commands, begin the last one with exec, so that it
gets the signals.
${CLIENT_FLAGS}`;

const LEAVE = `xlreg leave NAME --name MEMBER [--home DIR] [FLAGS]

Gives a member's seat in a cluster back. The next new member takes it; no other member moves. The member stays
registered and may join again. Exit code 0 means that it has no seat. Only the dialect sealed has this.

  --name MEMBER               the member's name
  --home DIR                  the member's home [as for xlreg join]
${CLIENT_FLAGS}`;

const MEMBERS = `xlreg members NAME|ID [--token TOKEN] [--wait SECONDS] [--require-verified] [--save FILE] [FLAGS]

Lists the members of a cluster. 40 or 64 hex digits are an ID. STATEMENT is verified if the holder of a member's key has
signed the entry, none for a client in an RSA dialect; anything else is an error and ends with 1. The line state says
how far the cluster is, and which members have not confirmed; --json has full, complete, epoch and, meanwhile, round.

${PRESENTED_TOKEN.slice(1)}
  --require-verified          fail unless every member is verified
  --save FILE                 save the roster of the complete cluster, signed by the registry, for xlreg verify
${WAIT.slice(1)}.
                              Then wait until the cluster is complete, also after the loss of a server
${CLIENT_FLAGS}`;

const VERIFY = `xlreg verify FILE [--registry FILE|URL] [--fingerprint SHA256:…] [--json]

Verifies a roster of xlreg members --save and prints it. It makes no connection, except to fetch a URL. The registry must
have signed it, and each member with a statement its entry. The newest roster of each cluster that this user has saved or
verified is remembered in $XDG_STATE_HOME/xlreg/REGISTRY_ID/.rosters. An older one, or another one of the same epoch,
ends with 1. A registry that was restored from a backup may have an older epoch: that is a warning.
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

const DEMO = `xlreg demo

A tour on this machine: a registry on free ports of the loopback, three members that form a cluster, a restart, a move,
a restart of the registry, and its metrics, with a line on each step. It ends by itself, or at Ctrl-C, and leaves no
file. The registry is a real one, in a temporary directory.
`;

const COMPLETION = `xlreg completion bash|zsh|fish

Prints the completions of commands, flags and values for a shell. To load them:

  bash   source <(xlreg completion bash)
  zsh    source <(xlreg completion zsh)
  fish   xlreg completion fish | source
`;

const HELP: ReadonlyMap<string, string> = new Map([
  ['create', CREATE],
  ['join', JOIN],
  ['leave', LEAVE],
  ['members', MEMBERS],
  ['token', TOKEN],
  ['verify', VERIFY],
  ['regcred', REGCRED],
  ['check', CHECK],
  ['clusters', CLUSTERS],
  ['evict', EVICT],
  ['unmark', UNMARK],
  ['delete', DELETE],
  ['sessions', SESSIONS],
  ['limits', LIMITS],
  ['keys', KEYS],
  ['admin', ADMIN],
  ['audit', AUDIT],
  ['config', CONFIG],
  ['drain', DRAIN],
  ['backup', BACKUP],
  ['restore', RESTORE],
  ['store', STORE],
  ['export', EXPORT],
  ['demo', DEMO],
  ['completion', COMPLETION],
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
