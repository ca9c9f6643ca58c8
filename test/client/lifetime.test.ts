// A pending request keeps its process alive, an idle session does not; and everything that is open ends with `using`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MemberStream, RegistryUnreachable, StreamCut, saveMember } from '../../src/client/index.ts';
import { MemberStreams } from '../../src/client/streams/member-streams.ts';
import { newMember } from '../support/new-member.ts';
import { until } from '../support/until.ts';
import { ALL_WAYS, ClientRegistry } from './client-registry.ts';
import { TestRoster, testMember } from './streams/directory.ts';

const CLIENT = new URL('../../dist/src/client/index.js', import.meta.url).href;

let registry: ClientRegistry;
let directory: string;
let homes = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-lifetime-'));
  registry = await ClientRegistry.start();
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  expect(await registry.stop()).toBe(0);
});

/** Runs a program in which `session` is open and identified. Its standard output grows while it runs. */
async function program(way: (typeof ALL_WAYS)[number], code: string) {
  const connect = way.transport === 'ws' ? registry.url : undefined;
  const home = join(directory, `home-${homes++}`);
  await saveMember(home, newMember({ name: 'child', endPoints: ['127.0.0.1:4001'] }));
  const begin = `import { connect, loadMember, parseRegCred } from '${CLIENT}';
    const options = ${JSON.stringify({ dialect: way.dialect, connect })};
    const session = await connect(parseRegCred(process.env.REG_CRED), options);
    await session.identify(await loadMember('${home}'));
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', begin], {
    env: { ...process.env, REG_CRED: registry.process.regCredText },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const state = { text: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    state.text += text;
  });
  const ended = once(child, 'close').then(([code]) => code as number);
  return { state, ended };
}

describe.each(ALL_WAYS)('a process with a session in $dialect over $transport', (way) => {
  it('ends while the session is idle, without Bye', async () => {
    const { state, ended } = await program(way, "console.log('idle');");
    expect(await ended).toBe(0);
    expect(state.text).toBe('idle\n');
  });

  it('lives until a pending request has its reply', async () => {
    const cluster = `pending-${way.transport}-${way.dialect}`;
    const { state, ended } = await program(
      way,
      `await session.create('${cluster}', { size: 2, confirmMs: 0 });
      await session.join('${cluster}');
      console.log('joined');
      (async () => {
        for await (const { name } of session.members('${cluster}')) console.log(name);
        console.log('complete');
      })();`,
    );
    await until(() => state.text.includes('child\n'));
    const { session } = await registry.identify(`other-${cluster}`, way);
    await session.join(cluster);
    expect(await ended).toBe(0);
    expect(state.text).toBe(`joined\nchild\nother-${cluster}\ncomplete\n`);
    await session.bye();
  });
});

describe('using', () => {
  it('closes a session at once', async () => {
    let session: Awaited<ReturnType<typeof registry.identify>>['session'];
    {
      using opened = (await registry.identify('used')).session;
      session = opened;
    }
    await expect(session.credentials()).rejects.toThrow(RegistryUnreachable);
  });

  it('ends a watch, also while it waits', async () => {
    await using session = (await registry.identify('watching')).session;
    await session.create('watched', { size: 2 });
    await session.join('watched');
    const waiting: Promise<IteratorResult<unknown>>[] = [];
    {
      await using watch = session.members('watched', { follow: true });
      expect((await watch.next()).value).toMatchObject({ name: 'watching' });
      waiting.push(watch.next());
    }
    expect(await waiting[0]).toEqual({ done: true, value: undefined });
    // The session goes on.
    expect((await session.cluster('watched')).members).toHaveLength(1);
  });

  it('cuts a stream between members, and closes listener and dialler', async () => {
    const [alice, bob, roster] = [testMember(), testMember(), new TestRoster()];
    let lost: Promise<unknown[]> | undefined;
    {
      await using listener = new MemberStreams(roster.directory(bob));
      await using dialler = new MemberStreams(roster.directory(alice));
      roster.put(alice, 1);
      roster.put(bob, (await listener.listen({ port: 0, host: '127.0.0.1' })).port);
      const accepted = once(listener, 'stream') as Promise<[MemberStream]>;
      {
        await using stream = await dialler.dial(bob.id);
        const [far] = await accepted;
        lost = once(far.resume(), 'error');
        expect([stream.peer.id, far.peer.id]).toEqual([bob.id, alice.id]);
      }
      expect((await lost)[0]).toBeInstanceOf(StreamCut);
      await until(() => dialler.size === 0 && listener.size === 0);
    }
  });
});
