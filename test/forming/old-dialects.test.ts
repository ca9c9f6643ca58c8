// Members of the RSA dialects in clusters that they make, killed and started again as in the other tests here: such a
// cluster is complete once it is full, and a dead member keeps its seat.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FormingRegistry, type Lane, SIZE } from './forming-registry.ts';

const CREATE = ['--create', '--size', String(SIZE)];
const TIMEOUT_MS = 120_000;

let registry: FormingRegistry;
beforeAll(async () => {
  registry = await FormingRegistry.start({ store: 'lmdb', servers: 1, lanes: 1 });
}, TIMEOUT_MS);
afterAll(async () => {
  expect(await registry.stop()).toEqual([0]);
}, TIMEOUT_MS);

async function killAndReturn(dialect: 'prefixed' | 'chained', lane: Lane): Promise<void> {
  const flags = [...CREATE, '--dialect', dialect];
  const join = (name: string, home: string, address = registry.address(0)) =>
    registry.join(dialect, name, home, address, flags);
  const home = registry.newHome();
  const gate = await registry.gate(0);
  const reached = gate.stopAt({ reply: 4 });
  const victim = join('victim', home, gate.address);
  await reached;
  victim.child.kill('SIGKILL');
  expect((await victim.ended).code).toBe(null);

  const others = lane.map((other) => join(other.name, other.home));
  const rosters: unknown[] = [];
  for (const { ended } of others) {
    const { code, stdout, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('confirm') });
    rosters.push(JSON.parse(stdout).members);
  }
  const back = await join('victim', home).ended;
  const { index, members } = JSON.parse(back.stdout);
  expect({ code: back.code, index, seats: members.length }).toEqual({ code: 0, index: 0, seats: SIZE });
  for (const roster of rosters) expect(roster).toEqual(members);

  const stranger = await join('victim', registry.newHome()).ended;
  expect(stranger).toMatchObject({ code: 1, stderr: expect.stringContaining('cluster is full') });
  expect(stranger.stderr).not.toContain('trying again');
  expect(await registry.servers[0]!.metrics()).toMatch(/^xlreg_rounds_completed_total 0$/m);
}

it.each(['prefixed', 'chained'] as const)(
  'keeps the seat of a killed member of a cluster that members of %s make, for that member alone (R6, R13, Q1)',
  (dialect) => registry.withLane((lane) => killAndReturn(dialect, lane)),
  TIMEOUT_MS,
);
