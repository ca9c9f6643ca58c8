// xlreg join: joins, rejoins as the same member, and waits for the other members.
import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliRegistry } from './cli-registry.ts';
import { homeIn, runXlreg } from './xlreg-process.ts';

let registry: CliRegistry;
beforeAll(async () => {
  registry = await CliRegistry.start();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

const endPoint = (port: number) => ['--end-point', `127.0.0.1:${port}`];
const homeOf = (member: string) => homeIn(registry.directory, registry.process.regCredText, member);
const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

async function create(name: string, size: number): Promise<void> {
  expect((await registry.run('create', name, '--size', String(size))).code).toBe(0);
}

describe('joining', () => {
  it('makes a private home and rejoins from it with the same ID and index', async () => {
    await create('again', 3);
    const args = ['join', 'again', '--name', 'alice', ...endPoint(1), '--json'];
    const first = await runXlreg(args, { ...registry.options, makesKeys: true });
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
    const joined = JSON.parse(first.stdout);
    expect(joined).toEqual({
      name: 'alice',
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      index: 0,
      home: homeOf('alice'),
      cluster: 'again',
      clusterId: expect.stringMatching(/^[0-9a-f]{64}$/),
      size: 3,
      full: false,
      complete: false,
      epoch: 0,
      members: [
        {
          index: 0,
          name: 'alice',
          id: joined.id,
          attrs: '0',
          endPoints: ['127.0.0.1:1'],
          commsKey: expect.stringMatching(/^ssh-rsa /),
          sigKey: expect.stringMatching(/^ssh-rsa /),
          verified: true,
          seq: expect.any(Number),
          labels: {},
          sealKey: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      ],
    });

    const home = homeOf('alice');
    expect(await mode(home)).toBe('700');
    const files = (await readdir(home)).filter((file) => !/^(sealed|seen)-/.test(file));
    expect(files.sort()).toEqual(['comms-key.pem', 'member.json', 'seal-key.pem', 'sig-key.pem']);
    for (const file of await readdir(home)) expect(await mode(join(home, file))).toBe('600');
    const keys = await readFile(join(home, 'sig-key.pem'), 'utf8');

    await registry.run('join', 'again', '--name', 'bob', ...endPoint(2));
    const over = ['--registry', registry.url, '--transport', 'ws'];
    const second = await registry.run(
      'join',
      'again',
      '--name',
      'alice',
      ...endPoint(3),
      ...endPoint(4),
      ...over,
      '--json',
    );
    expect(second.code).toBe(0);
    const back = JSON.parse(second.stdout);
    expect(back).toMatchObject({ id: joined.id, index: 0, clusterId: joined.clusterId });
    const moved = { endPoints: ['127.0.0.1:3', '127.0.0.1:4'], seq: expect.any(Number) };
    expect(back.members[0]).toEqual({ ...joined.members[0], ...moved });
    expect(back.members[1]).toMatchObject({ index: 1, name: 'bob' });
    expect(await readFile(join(home, 'sig-key.pem'), 'utf8')).toBe(keys);
  });

  it('prints the current roster', async () => {
    await create('printed', 2);
    const { code, stdout } = await registry.run('join', 'printed', '--name', 'carol', ...endPoint(1));
    expect(code).toBe(0);
    const [cluster, , joinedAs, home, members, state, head, row, ...rest] = stdout.split('\n');
    expect([cluster, home, members, state]).toEqual([
      'cluster    printed',
      `home       ${homeOf('carol')}`,
      'members    1 of 2',
      'state      filling; missing seats: 1',
    ]);
    expect(joinedAs).toMatch(/^joined as {2}carol, index 0, ID [0-9a-f]{64}$/);
    expect(head).toMatch(/^INDEX {2}NAME {3}ID +STATEMENT +END POINTS$/);
    expect(row).toMatch(/^0 {6}carol {2}[0-9a-f]{16}… {2}verified {3}127\.0\.0\.1:1$/);
    expect(rest).toEqual(['']);
  });

  it('refuses a home given for another member', async () => {
    await create('homes', 2);
    const args = ['join', 'homes', ...endPoint(1), '--home', 'elsewhere'];
    expect((await registry.run(...args, '--name', 'dave')).code).toBe(0);
    const { code, stderr } = await registry.run(...args, '--name', 'erin');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'xlreg join: --home: elsewhere is the home of dave, not of erin\n',
    });
  });

  it('refuses a home that others can read', async () => {
    await create('open', 2);
    const args = ['join', 'open', '--name', 'frank', ...endPoint(1)];
    expect((await registry.run(...args)).code).toBe(0);
    await chmod(join(homeOf('frank'), 'sig-key.pem'), 0o644);
    const { code, stdout, stderr } = await registry.run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('sig-key.pem is open to other users (mode 644): chmod 600');
  });

  it('refuses the home of a member of another registry', async () => {
    await create('foreign', 2);
    const args = ['join', 'foreign', '--name', 'grace', ...endPoint(1), '--home', 'grace'];
    expect((await registry.run(...args)).code).toBe(0);
    const other = await CliRegistry.start();
    const { code, stderr } = await registry.run(...args, '--registry', other.file);
    expect(await other.stop()).toBe(0);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('a member of another registry') });
  });

  it('ends with 1 and the text of the refusal', async () => {
    await create('tight', 2);
    for (const name of ['heidi', 'ivan']) await registry.run('join', 'tight', '--name', name, ...endPoint(1));
    const full = await registry.run('join', 'tight', '--name', 'judy', ...endPoint(1));
    const text = 'xlreg join: the registry refused: cluster is full; to return as a member, use its store or home';
    expect(full).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(text) });
    const nowhere = await registry.run('join', 'nowhere', '--name', 'judy', ...endPoint(1));
    expect({ code: nowhere.code, stderr: nowhere.stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('the registry refused: cannot find cluster with this name; correct its name'),
    });
  });

  it('ends with 3 when nothing listens, and keeps the keys for the next run', async () => {
    const args = ['join', 'c', '--name', 'mallory', ...endPoint(1), '--connect', '127.0.0.1:9'];
    const run = () => runXlreg(args, { ...registry.options, makesKeys: true });
    expect((await run()).code).toBe(3);
    const path = join(homeOf('mallory'), 'sig-key.pem');
    const keys = await readFile(path, 'utf8');
    expect((await run()).code).toBe(3);
    expect(await readFile(path, 'utf8')).toBe(keys);
  });
});

describe('waiting', () => {
  /** A member without what only sealed readers see. */
  const plain = ({
    verified: _,
    unverified: _why,
    seq: _seq,
    labels: _labels,
    sealKey: _key,
    ...member
  }: object & {
    readonly [field: string]: unknown;
  }) => member;

  it('completes when several join at once, over both transports in three dialects', async () => {
    await create('complete', 5);
    const ways = [
      [],
      ['--dialect', 'chained'],
      ['--registry', registry.url, '--transport', 'ws'],
      ['--connect', `ws://127.0.0.1:${registry.process.wsPort}/xlreg`, '--dialect', 'chained'],
      ['--connect', `127.0.0.1:${registry.process.tcpPort}`, '--dialect', 'prefixed'],
    ];
    const ran = await Promise.all(
      ways.map((way, at) =>
        registry.run('join', 'complete', '--name', `m${at}`, ...endPoint(at + 1), '--wait', '20', '--json', ...way),
      ),
    );
    expect(ran.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    const rosters = ran.map(({ stdout }) => JSON.parse(stdout));
    expect(rosters.map(({ index }) => index).sort()).toEqual([0, 1, 2, 3, 4]);
    for (const roster of rosters) {
      expect(roster.complete).toBe(true);
      expect(roster.members.map(plain)).toEqual(rosters[0].members.map(plain));
      expect(roster.members[roster.index].name).toBe(roster.name);
    }
    for (const { stderr } of ran) expect(stderr).toMatch(/5 of 5 members\n$/);
  });

  it('reports each join and the missing seats', async () => {
    await create('filling', 4);
    const first = registry.start('join', 'filling', '--name', 'early', ...endPoint(1), '--wait', '60');
    await first.said(/^early joined; 1 of 4 members; missing seats: 1-3\n/);
    expect((await registry.run('join', 'filling', '--name', 'second', ...endPoint(2))).code).toBe(0);
    await first.said(/^second joined; 2 of 4 members; missing seats: 2-3\n/m);
    first.child.kill('SIGINT');
    expect((await first.ended).code).toBe(130);
  });

  it('ends with 1 at the deadline and prints the members', async () => {
    await create('late', 4);
    expect((await registry.run('join', 'late', '--name', 'punctual', ...endPoint(1))).code).toBe(0);
    const args = ['join', 'late', '--name', 'waiting', ...endPoint(2), '--wait', '6'];
    const { code, stdout, stderr } = await registry.run(...args);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^members {4}2 of 4$/m);
    expect(stdout).toMatch(/^1 {6}waiting /m);
    expect(stderr).toMatch(/^xlreg join: time is up after 6 s: filling; missing seats: 2-3\n$/m);
  });

  it('stops at once with 130 on SIGINT', async () => {
    await create('interrupted', 2);
    const waiting = registry.start('join', 'interrupted', '--name', 'one', ...endPoint(1), '--wait', '60');
    await waiting.said(/1 of 2 members/);
    waiting.child.kill('SIGINT');
    const { code, stdout } = await waiting.ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
  });
});
