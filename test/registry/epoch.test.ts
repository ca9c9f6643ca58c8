// Epochs of complete clusters in the table (W1, W3): each change of a seat raises the epoch and stores a roster body.
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { BodyMaker } from '../../src/coordinator/body-maker.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Change, Command, EntryRecord, OperatorCommand, RegisterCommand } from '../../src/registry/command.ts';
import { EPOCH_KEY, ROSTER_KEY, raiseEpoch } from '../../src/registry/epoch.ts';
import { encodeRosterToken, encodeSealedFields, longOf, type Token } from '../../src/wire/message.ts';
import { decodeRosterBody } from '../../src/wire/roster-body.ts';
import { statementBytes } from '../../src/wire/statement.ts';
import { cluster, entry } from '../store/store-contract.ts';
import { idOf, NO_LIMITS, REGISTRY_ID } from './arbitrary-commands.ts';

const CLUSTER = 0xa0;
const WALL_MS = 1_800_000_000_000;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let table: ClusterTable;
let wall: number;
beforeEach(() => {
  wall = WALL_MS;
  table = withTerm(1);
  table.reset([cluster('a', CLUSTER, { size: 2 })], 0);
});

function withTerm(term: number, shared = false): ClusterTable {
  const made = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0, shared);
  made.setRosterMaker(new BodyMaker(REGISTRY_ID, term, () => wall));
  return made;
}

function tokenOf(id: number, port: number): Token {
  return { Name: `node-${id}`, ID: Buffer.from(idOf(id), 'hex'), MyEnds: [`192.0.2.1:${port}`] };
}

/** A registration with a statement of this seq. */
function stated(id: number, seq: number): RegisterCommand {
  const fields = { Seq: longOf(BigInt(seq)), Labels: 'zone=b' };
  const sealed = encodeSealedFields({ ...fields, Statement: Buffer.of(seq) });
  const signed = statementBytes(Buffer.from(REGISTRY_ID, 'hex'), { ...tokenOf(id, seq), ...fields });
  return { ...unstated(id, seq), seq, statementDigest: sha256(signed), sealed, sigKeyDigest: `aa${id}` };
}

function unstated(id: number, port: number): RegisterCommand {
  const token = encodeRosterToken(tokenOf(id, port));
  const common = { clientId: idOf(id), name: `node-${id}`, endPointCount: 1, ephemeral: false, token };
  return { kind: 'register', ...common, sigKeyDigest: `bb${id}` };
}

const join = (id: number): Command => ({ kind: 'join', clientId: idOf(id), cluster: { name: 'a' } });
const evict = (id: number): OperatorCommand => ({ kind: 'evict', cluster: { name: 'a' }, member: { id: idOf(id) } });
const getRoster: Command = { kind: 'get-roster', clientId: idOf(9), cluster: { name: 'a' } };

/** Takes both seats: the first with a statement, the second without. */
function fill(): void {
  for (const command of [stated(1, 1), join(1), unstated(2, 1), join(2)]) table.apply(command, 0);
}

/** Makes the cluster complete, as the barrier does. */
function complete(): void {
  raiseEpoch(table.cluster(idOf(CLUSTER))!, new BodyMaker(REGISTRY_ID, 1, () => wall));
}

function entriesIn(changes: readonly Change[]): Record<string, Uint8Array> {
  const entries = changes.filter((change): change is EntryRecord => change.kind === 'entry');
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]));
}

const stored = () => Object.fromEntries(table.cluster(idOf(CLUSTER))!.entries);
const bodyNow = () => decodeRosterBody(stored()[ROSTER_KEY]!)!;

describe('raiseEpoch', () => {
  it('writes epoch 1 and a body with the digest of S, or of the token without a statement (W2)', () => {
    fill();
    complete();
    const token = { ...tokenOf(1, 1), Seq: longOf(1n), Labels: 'zone=b' };
    const seats = [
      { kind: 'stated', digest: Buffer.from(sha256(statementBytes(Buffer.from(REGISTRY_ID, 'hex'), token)), 'hex') },
      { kind: 'unstated', digest: Buffer.from(sha256(encodeRosterToken(tokenOf(2, 1))), 'hex') },
    ];
    expect(bodyNow()).toEqual({
      ...{ registryId: Buffer.from(REGISTRY_ID, 'hex'), clusterId: Buffer.from(idOf(CLUSTER), 'hex'), name: 'a' },
      ...{ term: 1, epoch: 1, time: WALL_MS, before: Buffer.alloc(32), seats },
    });
    expect(Buffer.from(stored()[EPOCH_KEY]!).toString('hex')).toBe('0000000000000001');
  });
});

describe('a Join that fills a cluster without a confirm time', () => {
  const fillLast = (shared = false) => {
    table = withTerm(1, shared);
    table.reset([cluster('a', CLUSTER, { size: 2, confirmMs: 0 })], 0);
    for (const command of [stated(1, 1), join(1), unstated(2, 1)]) table.apply(command, 0);
    return table.apply(join(2), 0);
  };

  it('writes epoch 1 and its body with the seat, and its undo removes all three (Q1, W1)', () => {
    const { changes, completes, undo } = fillLast();
    expect(changes.map(({ kind }) => kind)).toEqual(['member', 'entry', 'entry']);
    expect(completes).toBe(true);
    expect(entriesIn(changes)).toEqual(stored());
    expect(bodyNow()).toMatchObject({ epoch: 1, seats: [{ kind: 'stated' }, { kind: 'unstated' }] });
    undo();
    expect(stored()).toEqual({});
    expect(table.apply(join(2), 0).completes).toBe(true);
  });

  it('leaves the epoch to the round on a store that servers share (Q1)', () => {
    expect(entriesIn(fillLast(true).changes)).toEqual({});
    expect(table.hasUndecided).toBe(true);
  });
});

describe('a change of a complete cluster', () => {
  it.each([
    { what: 'a move', changes: [stated(1, 2), join(1)], seats: ['stated', 'unstated'] },
    { what: 'an eviction', changes: [evict(2)], seats: ['stated', 'empty'] },
    { what: 'a displaced ID', changes: [{ ...stated(2, 5), certified: true }], seats: ['stated', 'empty'] },
  ])('raises the epoch and chains the bodies: $what (W1)', ({ changes, seats }) => {
    fill();
    complete();
    const before = stored();
    const outcomes = changes.map((command) => table.apply(command, 5_000));
    const written = entriesIn(outcomes.at(-1)!.changes);
    expect(written).toEqual(stored());
    expect(bodyNow()).toMatchObject({ epoch: 2, before: Buffer.from(sha256(before[ROSTER_KEY]!), 'hex') });
    expect(bodyNow().seats.map(({ kind }) => kind)).toEqual(seats);
    outcomes.at(-1)!.undo();
    expect(stored()).toEqual(before);
  });

  it('raises it when a hole is filled, and not for a repeated Join', () => {
    fill();
    complete();
    table.apply(evict(2), 0);
    table.apply(unstated(3, 1), 0);
    table.apply(join(3), 0);
    expect(bodyNow()).toMatchObject({ epoch: 3, seats: [{ kind: 'stated' }, { kind: 'unstated' }] });
    expect(table.apply(join(3), 0).changes).toEqual([]);
    expect(bodyNow().epoch).toBe(3);
  });

  it('does nothing before the cluster is complete', () => {
    fill();
    expect(entriesIn(table.apply(evict(2), 0).changes)).toEqual({});
  });

  it('refuses a second move of a seat within a second, and lets another member move (W1)', () => {
    fill();
    complete();
    const move = (command: RegisterCommand, now: number) => {
      table.apply(command, now);
      return table.apply({ kind: 'join', clientId: command.clientId, cluster: { name: 'a' } }, now).reply;
    };
    expect(move(stated(1, 2), 10_000)).toMatchObject({ kind: 'cluster' });
    expect(move(stated(1, 3), 10_999)).toEqual({ kind: 'refused', refusal: 'too-many-moves' });
    expect(move(unstated(2, 2), 10_999)).toMatchObject({ kind: 'cluster' });
    expect(move(stated(1, 4), 11_000)).toMatchObject({ kind: 'cluster' });
  });

  it('frees the move that was undone', () => {
    fill();
    complete();
    table.apply(stated(1, 2), 10_000);
    table.apply(join(1), 10_000).undo();
    expect(table.apply(join(1), 10_001).reply).toMatchObject({ kind: 'cluster' });
  });
});

describe('get-roster', () => {
  it('is refused before the cluster is complete (W3)', () => {
    fill();
    expect(table.apply(getRoster, 0).reply).toEqual({ kind: 'refused', refusal: 'cluster-incomplete' });
  });

  it('returns body and members, and writes nothing (W3)', () => {
    fill();
    complete();
    const { reply, changes } = table.apply(getRoster, 0);
    expect(reply).toMatchObject({ kind: 'saved-roster', which: 3n, body: stored()[ROSTER_KEY] });
    expect(changes).toEqual([]);
  });

  it('raises the epoch once under a higher term, with the body before in its chain (W4)', () => {
    fill();
    complete();
    const before = bodyNow();
    const records = [...table.records()];
    table = withTerm(7);
    table.reset(records, 0);
    expect(entriesIn(table.apply(getRoster, 0).changes)).toEqual(stored());
    expect(bodyNow()).toMatchObject({ term: 7, epoch: before.epoch + 1, seats: before.seats });
    expect(table.apply(getRoster, 0).changes).toEqual([]);
  });

  it('writes the body of a cluster whose store has its epoch only', () => {
    fill();
    table.replay(entry(CLUSTER, EPOCH_KEY, Buffer.from('0000000000000001', 'hex')));
    expect(entriesIn(table.apply(getRoster, 0).changes)).toEqual(stored());
    expect(bodyNow()).toMatchObject({ epoch: 2, before: Buffer.alloc(32) });
  });
});
