// Versions of clusters (V1 to V4): replies that tell only what changed add up to the whole roster, whatever is done and
// undone in between. fast-check prints its seeds.
import { hash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command, CreateCommand, GetClusterCommand, OperatorCommand, Reply } from '../../src/registry/command.ts';
import {
  CLIENT_IDS,
  CLUSTER_IDS,
  create,
  evict,
  history,
  idOf,
  isPossible,
  join,
  NO_LIMITS,
  NOBODY,
  REGISTRY_ID,
  register,
} from './arbitrary-commands.ts';

const ALL = 2n ** 64n - 1n;
const HISTORY = '0102030405060708';
const [CLUSTER] = CLUSTER_IDS;
const createA: Omit<CreateCommand, 'id'> = {
  ...{ kind: 'create', clientId: NOBODY, name: 'a' },
  ...{ size: 3, endPointCount: 1, attrs: 0n },
};

function newTable(): ClusterTable {
  const table = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
  table.beginHistory(HISTORY);
  return table;
}

/** The token as a field with tag and length, as registrations have it. */
function withField(command: Command | OperatorCommand): Command | OperatorCommand {
  if (command.kind !== 'register') return command;
  const { length } = command.token;
  const head = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
  return { ...command, token: Uint8Array.from([0xaa, 0x01, ...head, ...command.token]) };
}

function ask(clientId: string, more: Partial<GetClusterCommand> = {}): GetClusterCommand {
  return {
    ...{ kind: 'get-cluster', clientId, cluster: { id: CLUSTER! }, which: ALL, cursor: undefined },
    ...{ rosterBytesMax: 1_000_000, sealed: true, ...more },
  };
}

type Roster = Reply & { readonly kind: 'roster' };
const rosterOf = (table: ClusterTable, command: GetClusterCommand) => table.apply(command, 0).reply as Roster;

/** A reader's copy of a cluster: a token's bytes by seat. */
class Mirror {
  version = 0;
  readonly seats = new Map<number, Buffer>();

  update(table: ClusterTable): Roster {
    const known = { version: this.version, history: HISTORY };
    const reply = rosterOf(table, ask(NOBODY, this.version > 0 ? { known } : {}));
    for (let index = 0; index < 64; index++) {
      if ((reply.sealed!.emptied >> BigInt(index)) & 1n) this.seats.delete(index);
    }
    let rest = Buffer.from(reply.roster);
    for (let index = 0; index < 64; index++) {
      if (((reply.which >> BigInt(index)) & 1n) === 0n) continue;
      const [low, high] = [rest[2]!, rest[3]!];
      const [at, length] = low < 0x80 ? [3, low] : [4, (low & 0x7f) + high * 128];
      this.seats.set(index, rest.subarray(at, at + length));
      rest = rest.subarray(at + length);
    }
    this.version = reply.sealed!.version;
    return reply;
  }

  get hash(): Buffer {
    const seats = [...this.seats].sort(([one], [other]) => one - other);
    const parts = seats.flatMap(([index, token]) => [Buffer.of(index), hash('sha256', token, 'buffer')]);
    return hash('sha256', Buffer.concat([Buffer.from(CLUSTER!, 'hex'), ...parts]), 'buffer');
  }
}

/** A command, whether it is undone, and whether the mirror asks after it. */
const steps = fc.array(
  fc.tuple(
    fc.oneof<fc.MaybeWeightedArbitrary<Command | OperatorCommand>[]>(
      register,
      { weight: 3, arbitrary: join },
      evict,
      create,
    ),
    fc.boolean(),
    fc.boolean(),
  ),
  { maxLength: 60, size: 'max' },
);

describe('Replies since a known version', () => {
  it('add up to the whole roster, which their hash proves; no version stands for two rosters (V1 to V3)', () => {
    fc.assert(
      fc.property(history, steps, (before, steps) => {
        const table = newTable();
        const first = withField({ ...createA, id: CLUSTER! });
        table.apply(first, 0);
        let created = 1;
        const rosters = new Map<number, string>();
        const mirror = new Mirror();
        const all = [...before.map((command) => [command, false, true] as const), ...steps];
        for (const [step, undone, asks] of all) {
          if (!isPossible(step, created)) continue;
          const command = step.kind === 'create' ? { ...step, id: CLUSTER_IDS[created++]! } : withField(step);
          const versionBefore = rosterOf(table, ask(NOBODY)).sealed!.version;
          const effect = table.apply(command, 0);
          if (undone) effect.undo();
          const now = rosterOf(table, ask(NOBODY)).sealed!;
          expect(now.version).toBeGreaterThanOrEqual(versionBefore);
          const roster = Buffer.from(now.rosterHash).toString('hex');
          expect(rosters.get(now.version) ?? roster).toBe(roster);
          rosters.set(now.version, roster);
          if (!asks) continue;
          mirror.update(table);
          expect(mirror.hash.toString('hex')).toBe(roster);
        }
      }),
    );
  });
});

describe('A table', () => {
  const withMembers = (size: number) => {
    const table = newTable();
    table.apply({ ...createA, id: CLUSTER!, size }, 0);
    const [one, two] = CLIENT_IDS as [string, string];
    for (const clientId of [one, two]) {
      const token = Uint8Array.of(0xaa, 1, 1, Number.parseInt(clientId.slice(0, 2), 16));
      const key = { sigKeyDigest: clientId, endPointCount: 1, ephemeral: false };
      table.apply({ kind: 'register', clientId, name: `node-${clientId.slice(0, 2)}`, token, ...key }, 0);
    }
    table.apply({ kind: 'join', clientId: one, cluster: { name: 'a' } }, 0);
    return { table, one, two };
  };
  const seatOf = (table: ClusterTable, clientId: string) => rosterOf(table, ask(clientId)).sealed!.yourSeat;

  it('tells a client its seat, or why it has lost it; an undone Join is no loss (V4)', () => {
    const { table, one, two } = withMembers(3);
    expect([one, two].map((id) => seatOf(table, id))).toEqual([0, 64]);
    table.apply({ kind: 'join', clientId: two, cluster: { name: 'a' } }, 0).undo();
    expect(seatOf(table, two)).toBe(64);
    const evicted = table.apply({ kind: 'evict', cluster: { name: 'a' }, member: { id: one } }, 0);
    expect(seatOf(table, one)).toBe(67);
    evicted.undo();
    expect(seatOf(table, one)).toBe(0);
  });

  it('remembers why the last 64 seats of a cluster were lost (V4)', () => {
    const { table } = withMembers(64);
    const ids = Array.from({ length: 66 }, (_, place) => idOf(0x80 + place));
    for (const clientId of ids) {
      const fields = { sigKeyDigest: clientId, endPointCount: 1, ephemeral: false, token: Uint8Array.of(0xaa, 1, 0) };
      table.apply({ kind: 'register', clientId, name: `node-${clientId.slice(0, 2)}`, ...fields }, 0);
      table.apply({ kind: 'join', clientId, cluster: { name: 'a' } }, 0);
      table.apply({ kind: 'evict', cluster: { name: 'a' }, member: { id: clientId } }, 0);
    }
    expect(ids.map((id) => seatOf(table, id))).toEqual([64, 64, ...new Array<number>(64).fill(67)]);
  });

  it('waits for a change of what is known, and no other wait (V5)', () => {
    const { table, one, two } = withMembers(2);
    const { version } = rosterOf(table, ask(one)).sealed!;
    const wait = { until: 'change', resumed: false } as const;
    const kindOf = (more: Partial<GetClusterCommand>) => table.apply(ask(one, more), 0).reply.kind;
    const known = { version, history: HISTORY };
    expect(table.apply(ask(one, { known, wait }), 0).reply).toEqual({ kind: 'waiting', clusterId: CLUSTER, version });
    expect(kindOf({ wait })).toBe('roster');
    expect(kindOf({ known: { ...known, history: '00'.repeat(8) }, wait })).toBe('roster');
    expect(kindOf({ known: { ...known, version: version + 1 }, wait })).toBe('roster');
    expect(kindOf({ known: { ...known, version: version - 1 }, wait })).toBe('roster');
    table.apply({ kind: 'join', clientId: two, cluster: { name: 'a' } }, 0);
    expect(kindOf({ known, wait: { ...wait, resumed: true } })).toBe('roster');
  });

  it('goes on waiting for completion after a change, but begins no such wait with an old version (V5)', () => {
    const { table, one, two } = withMembers(3);
    const { version } = rosterOf(table, ask(one)).sealed!;
    const known = { version, history: HISTORY };
    const kindOf = (resumed: boolean) =>
      table.apply(ask(one, { known, wait: { until: 'complete', resumed } }), 0).reply.kind;
    expect([kindOf(false), kindOf(true)]).toEqual(['waiting', 'waiting']);
    table.apply({ kind: 'join', clientId: two, cluster: { name: 'a' } }, 0);
    expect([kindOf(false), kindOf(true)]).toEqual(['roster', 'waiting']);
  });

  it('answers everything after a new History (V2)', () => {
    const { table, one } = withMembers(3);
    const { version } = rosterOf(table, ask(one)).sealed!;
    table.beginHistory('ff'.repeat(8));
    const reply = rosterOf(table, ask(one, { known: { version, history: HISTORY } }));
    expect(reply).toMatchObject({ which: 1n, sealed: { emptied: 0b110n, history: 'ff'.repeat(8) } });
  });
});
