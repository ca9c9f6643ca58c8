// The commands of the how-to pages about forming clusters, in their order, against a real registry: they print what the
// pages show. Names of other nodes, tokens and hashes are put in.

import { readFile, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CliRegistry } from '../cli/cli-registry.ts';
import { homeIn, runXlreg } from '../cli/xlreg-process.ts';

const TIMEOUT_MS = 180_000;

/** A page's commands, each without `xlreg` and what stands before it, and the output that follows it. */
async function commandsOf(name: string) {
  const page = await readFile(resolve(import.meta.dirname, '../../docs/how-to', name), 'utf8');
  const parts = page.split(/^ {4}(?:XLREG_TOKEN=\S+ )?xlreg /m).slice(1);
  return (start: string) => {
    const part = parts.find((text) => text.startsWith(start));
    if (part === undefined) throw new Error(`${name} has no command that begins with '${start}'`);
    const shown = /```\n([\s\S]*?)```/.exec(part)?.[1] ?? '';
    return {
      args: part.slice(0, part.indexOf('\n')).split(' '),
      shown: shown.split('\n').filter((line) => line !== ''),
    };
  };
}

/** A line without what differs between runs. */
const general = (line: string) =>
  line
    .replace(/[0-9a-f]{64}|[0-9a-f]{16}…?/g, 'ID')
    .replace(/\d+ s\b/, 'N s')
    .replace(/xlj_\S+/, 'xlj')
    .replace(/ +/g, ' ');

/** Expects each line that a page shows in an output, in their order. `…` stands for any lines. */
function expectShown(output: string, shown: readonly string[]): void {
  const printed = output.split('\n').map(general);
  const wanted = shown.filter((line) => line !== '…').map(general);
  expect(wanted.length).toBeGreaterThan(0);
  expect(printed.filter((line) => wanted.includes(line))).toEqual(wanted);
}

let registry: CliRegistry;
beforeEach(async () => {
  registry = await CliRegistry.start();
});
afterEach(async () => {
  expect(await registry.stop()).toBe(0);
});

/** The flags of an operator's command: the test's registry has ports of its own. */
const operator = () => ['--admin', `127.0.0.1:${registry.process.adminPort}`, '--data-dir', registry.process.dataDir];

it(
  'forms a cluster as form-a-cluster.md says',
  async () => {
    const command = await commandsOf('form-a-cluster.md');
    // A busy machine needs longer than the page's confirm time for these commands.
    const create = command('create web').args.map((arg, at, all) => (all[at - 1] === '--confirm' ? '600' : arg));
    expect(await registry.run(...create)).toMatchObject({ code: 0 });
    const { args: join, shown } = command('join web --name alice');
    const joinAs = (name: string) => join.map((arg) => (arg === 'alice' ? name : arg));
    const seat = (name: string) => joinAs(name).slice(0, joinAs(name).indexOf('--wait'));

    // bob comes once and ends; alice and carol wait.
    const bob = await registry.run(...seat('bob'));
    expect(bob.stderr).toContain('the seat lasts only if this is run again');
    const alice = registry.startFor(TIMEOUT_MS, ...join);
    await alice.said(/2 of 3 members; missing seats: 2\n/);
    const carol = registry.startFor(TIMEOUT_MS, ...joinAs('carol'));
    await alice.said(/carol joined; 3 of 3 members; not yet confirmed: /);
    await alice.said(/^3 of 3 members; not yet confirmed: bob\n/m);
    expect(shown).toEqual([
      'bob, alice joined; 2 of 3 members; missing seats: 2',
      'carol joined; 3 of 3 members; not yet confirmed: bob, alice, carol',
      '3 of 3 members; not yet confirmed: bob',
      'bob left; 2 of 3 members; missing seats: 0',
    ]);

    const members = command('members web\n');
    expectShown((await registry.run(...members.args)).stdout, members.shown);
    const clusters = command('clusters');
    expectShown((await registry.run(...clusters.args, ...operator())).stdout, clusters.shown);

    expect(await registry.run(...joinAs('bob'))).toMatchObject({ code: 0 });
    for (const { ended } of [alice, carol]) expect(await ended).toMatchObject({ code: 0 });
    expect((await registry.run(...members.args)).stdout).toMatch(/^state +complete, epoch 1$/m);

    expect(await registry.run(...command('leave web').args)).toMatchObject({ code: 0 });
    expect(await registry.run(...command('members web --save').args)).toMatchObject({ code: 0 });
    const verified = await registry.run(...command('verify web.roster').args);
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringMatching(/^members +2 of 3$/m) });
  },
  TIMEOUT_MS,
);

it(
  'admits members as join-tokens.md says',
  async () => {
    const command = await commandsOf('join-tokens.md');
    const { directory, file } = registry;
    /** Runs a command with a join token in its environment. */
    const withToken = (token: string, args: readonly string[]) =>
      runXlreg(args, { cwd: directory, env: { XLREG_REGISTRY: file, XLREG_TOKEN: token } });
    const create = command('create demo');
    const created = await registry.run(...create.args);
    expectShown(created.stdout, create.shown);
    const token = /xlj_\S+/.exec(created.stdout)![0];
    expect(await registry.run(...create.args)).toMatchObject({ code: 1 });

    const join = command('join demo --name alice').args;
    const once = join.slice(0, join.indexOf('--wait'));
    const as = (name: string) => once.map((arg) => (arg === 'alice' ? name : arg));
    expect((await registry.run(...as('mallory'))).stderr).toContain(
      'join token needed; pass joinToken, --token or XLREG_TOKEN',
    );
    expect(await withToken(token, once)).toMatchObject({ code: 0 });
    const list = command('token list demo');
    const listed = await registry.run(...list.args);
    expectShown(listed.stdout, list.shown);

    for (const name of ['bob', 'carol']) expect(await withToken(token, as(name))).toMatchObject({ code: 0 });
    // These keys need no token any more.
    expect(await registry.run('leave', 'demo', '--name', 'bob')).toMatchObject({ code: 0 });
    expect(await registry.run(...as('bob'))).toMatchObject({ code: 0 });
    const late = await withToken(token, as('dave'));
    expect(late.stderr).toContain('join token used up; xlreg token add makes another one');

    // alice loses its disk, and its home with it.
    const replacing = (await registry.run(...command('token add demo --for alice --replace').args)).stdout.trim();
    const home = homeIn(directory, registry.process.regCredText, 'alice');
    await rm(home, { recursive: true });
    expect(await withToken(replacing, once)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/alice, index 0/),
    });

    const hash = /^([0-9a-f]{16}) +- +member/m.exec((await registry.run(...list.args)).stdout)![1]!;
    const revoke = command('token revoke demo').args.map((arg) => (/^[0-9a-f]{16}$/.test(arg) ? hash : arg));
    expect(await registry.run(...revoke)).toMatchObject({ code: 0 });
    const revoked = await withToken(token, as('erin'));
    expect(revoked.stderr).toContain('join token unknown; it was revoked');
    expect((await registry.run(...list.args, ...operator())).stdout).not.toContain(hash);
  },
  TIMEOUT_MS,
);
