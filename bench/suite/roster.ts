// Section: the cost of the roster of a full cluster in one frame, compared with encrypting and sending as many bytes.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DialectName } from '../../src/wire/hello.ts';
import { encodeMessage, type Message, Op } from '../../src/wire/message.ts';
import type { Registry } from '../load/exchange.ts';
import { openSession } from '../load/field-session.ts';
import type { LoadWithCpu } from '../load/load-and-cpu.ts';
import { membersOf } from '../load/members.ts';
import { wireBytes } from '../load/old-exchange.ts';
import { withServer } from '../measure/server-process.ts';
import type { EchoReady } from './encrypting-server.ts';
import { runInTurns, warmLoad } from './registry-load.ts';
import type { Section } from './section.ts';

const MEMBERS = 64;
const CONNECTIONS = 16;
/** Turns of the two servers, and requests in each turn. */
const ROUNDS = 4;
const REQUESTS = 3_000;
/** Requests until V8 has compiled both servers. */
const WARM_UP = 12_000;

export const roster: Section = {
  name: 'roster',
  question:
    'How much CPU does a GetCluster of 64 members cost over WebSocket, compared with encrypting and sending its bytes?',
  measure: (scope) =>
    withServer([], async (server) => {
      const shape = { transport: 'ws', dialect: 'prefixed' } as const;
      const arrivals = { mode: 'closed', connections: CONNECTIONS } as const;
      const work = { kind: 'roster', clusterName: 'full', clusterSize: MEMBERS } as const;
      const count = scope.amount(REQUESTS);
      const asking = await warmLoad(server, { ...shape, work, arrivals, count });
      const { requestBytes, replyBytes, members } = await askOnce(
        { ...shape, regCred: server.regCred, wsUrl: server.wsUrl },
        work.clusterName,
      );
      if (members !== MEMBERS) throw new Error(`the reply has ${members} members, not ${MEMBERS}`);

      const [registry, bare] = await withEncryptingServer(replyBytes, async ({ wsUrl, pid }) => {
        const target = { pid, wsUrl, regCredText: server.regCredText };
        const frames = { kind: 'frames', bytes: requestBytes } as const;
        const loads = [asking, await warmLoad(target, { ...shape, work: frames, arrivals, count })];
        for (const load of loads) await load.warmUp(scope.amount(WARM_UP));
        const outcomes = await runInTurns(loads, ROUNDS);
        for (const load of loads) await load.release();
        return outcomes as [LoadWithCpu, LoadWithCpu];
      });
      return {
        figures: [
          {
            label: 'server CPU of a GetCluster ÷ encrypting and sending',
            value: registry.cpu / bare.cpu,
            unit: '',
            atMost: 1.5,
          },
          { label: '  GetCluster', value: registry.cpu, unit: 'us' },
          { label: '  comparison: receive a frame, encrypt and send as many bytes', value: bare.cpu, unit: 'us' },
          { label: '  bytes of the reply', value: replyBytes, unit: '' },
          { label: '  GetClusters a second', value: registry.rate, unit: '/s' },
        ],
        notes: [
          `Closed loop, ${CONNECTIONS} members. The comparison runs in ${ROUNDS} turns with the registry. It is a single-threaded process with the same WebSocket engine: ` +
            "for each frame of a request's length it makes one AES-256-CBC pass over the bytes of the reply and sends them.",
        ],
      };
    }),
};

/** Wire lengths of a GetCluster and of its reply, and the number of members in it. */
async function askOnce(registry: Registry & { dialect: DialectName }, clusterName: string) {
  const exchange = await openSession(registry);
  await exchange.identify(membersOf(registry).at(0));
  const request = { Op: Op.GetCluster, ClusterName: clusterName };
  const reply = await exchange(request, Op.ClusterMembers);
  exchange.close();
  const bytes = (message: Message) => wireBytes(registry.dialect, encodeMessage(message).length);
  return { requestBytes: bytes(request), replyBytes: bytes(reply), members: reply.Tokens?.length ?? 0 };
}

/** Runs `use` beside a process of encrypting-server.ts. */
async function withEncryptingServer<T>(
  replyBytes: number,
  use: (ready: EchoReady & { pid: number }) => Promise<T>,
): Promise<T> {
  const program = fileURLToPath(new URL('./encrypting-server.js', import.meta.url));
  const child = fork(program, [String(replyBytes)]);
  try {
    const [ready] = (await once(child, 'message')) as [EchoReady];
    return await use({ ...ready, pid: child.pid! });
  } finally {
    child.disconnect();
  }
}
