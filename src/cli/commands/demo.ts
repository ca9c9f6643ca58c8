// `npm run demo`: runs a registry of this build in a child process, and five members that know only its credentials and
// the name of their cluster. Removes all its files at the end.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import {
  type ClusterMember,
  type ConnectOptions,
  connect,
  createMember,
  parseRegCred,
  type RegCred,
} from '../../client/index.ts';

const CLUSTER = 'demo';
// Without a handler, Node opens its debugger, and this process holds keys.
process.on('SIGUSR1', () => {});

const MEMBERS = ['alice', 'bob', 'carol', 'dave', 'erin'];
const FIRST_PORT = 4_001;
const READY_TIMEOUT_MS = 30_000;
const MEMBER_TIMEOUT_MS = 30_000;

type ServerProcess = ChildProcessByStdio<null, Readable, Readable>;

async function demo(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'xlreg-demo-'));
  try {
    const server = startServer(directory);
    const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
    const interrupted = () => server.kill('SIGTERM');
    process.once('SIGINT', interrupted);
    try {
      const addresses = await readyAddresses(server);
      console.log(`A registry runs: TCP at ${addresses.tcp}, WebSocket at ${addresses.ws}.`);
      const regCred = parseRegCred(await readFile(join(directory, 'regCred.dat'), 'latin1'));
      await formCluster(regCred, addresses);
    } finally {
      process.removeListener('SIGINT', interrupted);
      server.kill('SIGTERM');
      await ended;
    }
    const { exitCode, signalCode } = server;
    if (exitCode !== 0) throw new Error(`the registry ended with ${signalCode ?? exitCode}`);
    console.log('\nThe registry has stopped with exit code 0.');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Addresses {
  readonly tcp: string;
  readonly ws: string;
}

function startServer(directory: string): ServerProcess {
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  const listen = ['--tcp', '127.0.0.1:0', '--ws', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
  const args = [main, 'serve', ...listen, '--data-dir', directory, '--log-level', 'warn'];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Reads the server's addresses from its ready line. Rejects with its stderr if it does not start. */
async function readyAddresses(server: ServerProcess): Promise<Addresses> {
  let errors = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const timer = setTimeout(() => server.kill('SIGKILL'), READY_TIMEOUT_MS);
  try {
    for await (const line of createInterface({ input: server.stdout })) {
      const address = (name: string) => new RegExp(` ${name}=(\\S+)`).exec(line)?.[1];
      const [tcp, ws] = [address('tcp'), address('ws')];
      if (line.startsWith('ready ') && tcp && ws) {
        server.stdout.resume();
        return { tcp, ws };
      }
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`the registry did not start:\n${errors}`);
}

async function formCluster(regCred: RegCred, { tcp, ws }: Addresses): Promise<void> {
  const signal = AbortSignal.timeout(MEMBER_TIMEOUT_MS);
  const ways: ConnectOptions[] = [
    { transport: 'tcp', connect: tcp, dialect: 'sealed', signal },
    { transport: 'ws', connect: `ws://${ws}/xlreg`, dialect: 'sealed', signal },
    { transport: 'tcp', connect: tcp, dialect: 'prefixed', signal },
    { transport: 'ws', connect: `ws://${ws}/xlreg`, dialect: 'chained', signal },
  ];
  console.log(`${MEMBERS.length} members create and join "${CLUSTER}", all at once.`);
  const rosters = await Promise.all(
    MEMBERS.map(async (name, place) => {
      const way = ways[place % ways.length]!;
      const roster = await becomeMember(regCred, way, name, `127.0.0.1:${FIRST_PORT + place}`);
      return `\n${name} (${way.transport}, ${way.dialect}) sees\n${roster.map(describeMember).join('\n')}`;
    }),
  );
  for (const roster of rosters) console.log(roster);
}

/** Runs a member's whole session. */
async function becomeMember(
  regCred: RegCred,
  way: ConnectOptions,
  name: string,
  endPoint: string,
): Promise<ClusterMember[]> {
  const [session, member] = await Promise.all([connect(regCred, way), createMember({ name, endPoints: [endPoint] })]);
  try {
    await session.credentials();
    await session.identify(member);
    await session.create(CLUSTER, { size: MEMBERS.length });
    await session.join(CLUSTER);
    const roster: ClusterMember[] = [];
    for await (const other of session.members(CLUSTER)) roster.push(other);
    return roster.sort((one, other) => one.index - other.index);
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

function describeMember({ index, name, id, endPoints }: ClusterMember): string {
  return `  ${index}  ${name.padEnd(6)} ${id.slice(0, 16)}…  ${endPoints.join(' ')}`;
}

await demo();
