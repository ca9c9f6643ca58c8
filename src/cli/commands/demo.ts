// xlreg demo: a tour. Runs a registry on free ports and three members of a cluster, in a temporary directory that it
// removes, and says in a line what each step shows.
import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ClusterMember,
  connect,
  createVisitor,
  openMember,
  parseRegCred,
  type RegCred,
  type RegistrySession,
} from '../../client/index.ts';
import { readArguments } from '../client-flags.ts';
import { DemoRegistry } from '../demo-registry.ts';
import { codeWithoutReader } from '../lost-output.ts';
import { printMembers } from '../print.ts';

const CLUSTER = 'demo';
const MEMBERS = ['alice', 'bob', 'carol'];
const FIRST_PORT = 4_001;
const MOVED_TO = '127.0.0.1:4013';
const SERIES = 'xlreg_table_records';

/** The facts that all steps use. */
interface Tour {
  readonly directory: string;
  readonly regCred: RegCred;
  readonly signal: AbortSignal;
}

/** Resolves to 0. Rejects with UsageError, OperatorError or as the client library does. Leaves no file and no process. */
export async function demo(args: readonly string[], signal: AbortSignal): Promise<number> {
  readArguments(args, { positionals: [], options: {} });
  const unheard = new AbortController();
  // Other commands end at once when nobody reads their output; this one stops its registry first.
  process.stdout.removeAllListeners('error').on('error', (error) => unheard.abort(error));
  const directory = await mkdtemp(join(tmpdir(), 'xlreg-demo-'));
  // A second signal ends the process at once.
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', remove);
  try {
    say(`All files of this tour are in ${directory}, which goes at its end. Ctrl-C ends it at once.`);
    await show(directory, AbortSignal.any([signal, unheard.signal]));
    say('\n7. The registry has stopped in order, and the files are gone.');
    return 0;
  } catch (error) {
    if (unheard.signal.aborted) return codeWithoutReader(unheard.signal.reason);
    throw error;
  } finally {
    process.off('exit', remove);
    remove();
  }
}

async function show(directory: string, signal: AbortSignal): Promise<void> {
  const dataDirectory = join(directory, 'registry');
  let registry = await DemoRegistry.start(dataDirectory);
  try {
    signal.throwIfAborted();
    const { tcp, ws, admin } = registry.addresses;
    const regCred = parseRegCred(await readFile(join(dataDirectory, 'regCred.dat'), 'latin1'));
    const tour = { directory, regCred, signal };
    step(1, 'A registry runs. Nodes need its regCred.dat only: its public keys and its end points.');
    say(`   TCP at ${tcp}, WebSocket at ${ws}`);
    await formCluster(tour);
    await restartMember(tour);
    await moveMember(tour);
    await registry.stop();
    registry = await DemoRegistry.start(dataDirectory, registry.addresses);
    step(5, 'The registry has restarted. It answers only from what it has stored, so the roster is as before.');
    printMembers(await rosterOf(tour));
    step(6, `The admin port has metrics for Prometheus at http://${admin}/metrics, and a status page at /.`);
    for (const line of await registry.metric(SERIES, signal)) say(`   ${line}`);
  } finally {
    await registry.stop();
  }
}

async function formCluster(tour: Tour): Promise<void> {
  step(2, `${MEMBERS.join(', ')} join the cluster ${CLUSTER}, all at once. The first one to ask creates it.`);
  say('   by hand: xlreg join demo --create --size 3 --name alice --end-point 127.0.0.1:4001 --wait 60');
  const rosters = await settled(
    MEMBERS.map(async (name, place) => {
      const session = await joinAs(tour, name, `127.0.0.1:${FIRST_PORT + place}`);
      return await whileOpen(session, async () => {
        for await (const _ of session.members(CLUSTER, { signal: tour.signal }));
        return (await session.cluster(CLUSTER)).members;
      });
    }),
  );
  const [first = []] = rosters;
  printMembers(first);
  const same = rosters.filter((roster) => idsOf(roster) === idsOf(first));
  say(`   ${same.length} of ${MEMBERS.length} have got this roster, with the public keys of the others.`);
}

function idsOf(roster: readonly ClusterMember[]): string {
  return roster.map(({ id }) => id).join(' ');
}

async function restartMember(tour: Tour): Promise<void> {
  const session = await joinAs(tour, 'bob', `127.0.0.1:${FIRST_PORT + 1}`);
  const bob = await whileOpen(session, async () => (await rosterOf(tour)).find(({ name }) => name === 'bob')!);
  step(3, 'bob has restarted. His keys and his ID are in his home, so he is the same member with the same seat.');
  say(`   seat ${bob.index}, ID ${bob.id.slice(0, 16)}…`);
}

async function moveMember(tour: Tour): Promise<void> {
  step(4, 'carol moves to another port. alice watches the cluster, and learns it at once.');
  const alice = await joinAs(tour, 'alice', `127.0.0.1:${FIRST_PORT}`);
  await whileOpen(alice, async () => {
    const moving = joinAs(tour, 'carol', MOVED_TO).then((carol) => whileOpen(carol, async () => {}));
    const seeing = (async () => {
      for await (const member of alice.members(CLUSTER, { follow: true, signal: tour.signal })) {
        if (member.name === 'carol' && member.endPoints.includes(MOVED_TO)) break;
      }
    })();
    await settled([moving, seeing]);
  });
  say(`   alice sees carol at ${MOVED_TO}`);
}

/** A session of a member who has joined. The home keeps its keys, so a second call is the same member. */
async function joinAs({ directory, regCred, signal }: Tour, name: string, endPoint: string): Promise<RegistrySession> {
  const member = await openMember(join(directory, 'members', name), { name, endPoints: [endPoint] });
  const session = await connect(regCred, { signal });
  try {
    await session.identify({ ...member, endPoints: [endPoint] });
    await session.create(CLUSTER, { size: MEMBERS.length });
    await session.join(CLUSTER);
    return session;
  } catch (error) {
    session.close();
    throw error;
  }
}

/** The members as somebody sees them who is none. */
async function rosterOf({ regCred, signal }: Tour): Promise<readonly ClusterMember[]> {
  const session = await connect(regCred, { signal });
  return await whileOpen(session, async () => {
    await session.identify(await createVisitor());
    return (await session.cluster(CLUSTER)).members;
  });
}

/** Waits for all, also after a failure: nothing may write into the directory once it is removed. */
async function settled<T>(running: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(running);
  return await Promise.all(running);
}

async function whileOpen<T>(session: RegistrySession, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

function step(number: number, text: string): void {
  say(`\n${number}. ${text}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
