// Clusters with a confirm time, as a user forms them: a node that died is replaced, and a registry that was stopped
// removes nobody.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliRegistry } from './cli-registry.ts';

const endPoint = (port: number) => ['--end-point', `127.0.0.1:${port}`];
const CONFIRM_S = 15;
const TIMEOUT_MS = 120_000;

describe('a cluster with a confirm time', () => {
  let registry: CliRegistry;
  beforeEach(async ({ task }) => {
    registry = await CliRegistry.start(['--store', task.name.includes('stopped') ? 'memory' : 'lmdb']);
  });
  afterEach(async () => {
    expect(await registry.stop()).toBe(0);
  });

  const join = (cluster: string, name: string, port: number) =>
    registry.startFor(TIMEOUT_MS, 'join', cluster, '--name', name, ...endPoint(port), '--wait', '90', '--json');

  it(
    'gives the seat of a member that does not confirm to another, and is complete (Q6, Q7)',
    async () => {
      const created = await registry.run('create', 'c', '--size', '3', '--confirm', String(CONFIRM_S), '--json');
      expect(JSON.parse(created.stdout)).toMatchObject({ confirmMs: CONFIRM_S * 1_000 });
      const [alice, bob] = [join('c', 'alice', 1), join('c', 'bob', 2)];
      await bob.said(/2 of 3 members/);
      const ghost = await registry.run('join', 'c', '--name', 'ghost', ...endPoint(3));
      expect(ghost.stderr).toContain('the seat lasts only if this is run again');
      await alice.said(/not yet confirmed: ghost\n/);
      // It waits for a seat from before the removal on.
      const carol = join('c', 'carol', 4);
      await carol.said(/cluster is full; .*trying again/);
      for (const one of [alice, bob, carol]) {
        const { code, stdout } = await one.ended;
        const { complete, members } = JSON.parse(stdout) as { complete: boolean; members: { name: string }[] };
        expect(code).toBe(0);
        expect({ complete, names: members.map(({ name }) => name).sort() }).toEqual({
          complete: true,
          names: ['alice', 'bob', 'carol'],
        });
      }
      expect(registry.process.stderr()).toContain('a round passed without a member: its seat is free');
      const metrics = await registry.process.metrics();
      expect(metrics).toMatch(/^xlreg_rounds_completed_total 1$/m);
      expect(metrics).toMatch(/^xlreg_round_seats_removed_total 1$/m);
    },
    TIMEOUT_MS,
  );

  it(
    'is complete with members of all three dialects (Q5)',
    async () => {
      await registry.run('create', 'mixed', '--size', '3', '--confirm', String(CONFIRM_S));
      const joins = (['sealed', 'prefixed', 'chained'] as const).map((dialect, i) =>
        registry.start(
          'join',
          'mixed',
          '--name',
          dialect,
          ...endPoint(i + 1),
          '--dialect',
          dialect,
          '--wait',
          '20',
          '--json',
        ),
      );
      for (const { ended } of joins) {
        const { code, stdout } = await ended;
        expect(code).toBe(0);
        expect((JSON.parse(stdout) as { members: unknown[] }).members).toHaveLength(3);
      }
      expect(await registry.process.metrics()).toMatch(/^xlreg_rounds_completed_total 1$/m);
    },
    TIMEOUT_MS,
  );

  it(
    'loses no member while its registry is stopped for longer than the confirm time (Q7)',
    async () => {
      await registry.run('create', 'stopped', '--size', '2', '--confirm', String(CONFIRM_S));
      const alice = join('stopped', 'alice', 1);
      await alice.said(/1 of 2 members/);
      await registry.run('join', 'stopped', '--name', 'late', ...endPoint(2));
      await alice.said(/not yet confirmed: late\n/);
      process.kill(registry.process.pid, 'SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, (CONFIRM_S + 5) * 1_000));
      process.kill(registry.process.pid, 'SIGCONT');
      const late = await join('stopped', 'late', 2).ended;
      expect(late.code).toBe(0);
      expect(JSON.parse(late.stdout)).toMatchObject({ complete: true });
      expect((await alice.ended).code).toBe(0);
      expect(registry.process.stderr()).not.toContain('a round passed without a member');
    },
    TIMEOUT_MS,
  );
});
