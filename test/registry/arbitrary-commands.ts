// Commands from a small world of few clients, names and keys, so that they collide.

import * as fc from 'fast-check';
import type { Command, CreateCommand, OperatorCommand, RegisterCommand } from '../../src/registry/command.ts';
import type { TableLimits } from '../../src/registry/time-to-live.ts';

/** An ID of 32 equal bytes. */
export function idOf(byte: number): string {
  return Buffer.alloc(32, byte).toString('hex');
}

export const REGISTRY_ID: string = idOf(0xee);
export const CLIENT_IDS: readonly string[] = [1, 2, 3, 4].map(idOf);
export const NAMES: readonly string[] = ['a', '__proto__', 'constructor'];
/** The IDs of created clusters; each create takes the next. */
export const CLUSTER_IDS: readonly string[] = Array.from({ length: 24 }, (_, i) => idOf(0x40 + i));

const SHORT_ID = '05'.repeat(20);
/** A client ID that no client has. */
export const NOBODY: string = idOf(0x0f);
/** SHA-256 of SigKeys. */
export const KEY: string = 'aa'.repeat(32);
const OTHER_KEY = 'bb'.repeat(32);

const registering = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...CLIENT_IDS) },
  fc.constantFrom(SHORT_ID, REGISTRY_ID, idOf(0), '00'.repeat(20), ...CLUSTER_IDS.slice(0, 3)),
);

/** A suffix of a token: empty, short, or longer than a store's page. */
const TOKEN_ENDS = [0, 1, 2, 2_500];

/** A client, mostly with its own name, the one key and enough end points, all of which its token contains. */
export const register: fc.Arbitrary<RegisterCommand> = fc
  .record({
    clientId: registering,
    name: fc.option(fc.constantFrom('node-01', 'node-02', '__proto__'), { freq: 3 }),
    sigKeyDigest: fc.oneof({ weight: 7, arbitrary: fc.constant(KEY) }, fc.constant(OTHER_KEY)),
    endPointCount: fc.oneof({ weight: 5, arbitrary: fc.constant(2) }, fc.nat(1)),
    ephemeral: fc.boolean(),
    end: fc.constantFrom(...TOKEN_ENDS),
  })
  .map(({ name, end, ...fields }): RegisterCommand => {
    const ownName = name ?? `node-${fields.clientId.slice(0, 2)}`;
    const head = [fields.endPointCount, fields.ephemeral ? 1 : 0, ...Buffer.from(ownName)];
    const token = Uint8Array.from([...head, ...new Array<number>(end).fill(end % 256)]);
    return { kind: 'register', name: ownName, ...fields, token };
  });

/** A create without its ID. */
export const create: fc.Arbitrary<CreateCommand> = fc.record({
  kind: fc.constant('create' as const),
  clientId: fc.constantFrom(...CLIENT_IDS, NOBODY),
  name: fc.constantFrom('a', 'a', ...NAMES),
  id: fc.constant(''),
  size: fc.constantFrom(2, 2, 3, 64),
  endPointCount: fc.constantFrom(1, 1, 2),
  attrs: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
});

const cluster = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ name: 'a' }) },
  { weight: 2, arbitrary: fc.constantFrom(...NAMES).map((name) => ({ name })) },
  { weight: 2, arbitrary: fc.constantFrom(...CLUSTER_IDS.slice(0, 2)).map((id) => ({ id })) },
  fc.constantFrom({ id: idOf(0xff) }, { name: 'toString' }),
);

export const join: fc.Arbitrary<Command> = fc.record({
  kind: fc.constant('join' as const),
  clientId: fc.constantFrom(...CLIENT_IDS, SHORT_ID),
  cluster,
});

export const leave: fc.Arbitrary<Command> = fc.record({
  kind: fc.constant('leave' as const),
  clientId: fc.constantFrom(...CLIENT_IDS, NOBODY),
  cluster,
});

export const getCluster: fc.Arbitrary<Command> = fc.record({
  kind: fc.constant('get-cluster' as const),
  clientId: fc.constantFrom(...CLIENT_IDS, NOBODY),
  cluster,
  which: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 31n })),
  cursor: fc.option(fc.record({ clusterId: fc.constantFrom(...CLUSTER_IDS), from: fc.nat(63) }), { nil: undefined }),
  rosterBytesMax: fc.nat(40),
});

export const findClient: fc.Arbitrary<Command> = fc.record({
  kind: fc.constant('find-client' as const),
  clientId: fc.constantFrom(...CLIENT_IDS, SHORT_ID, REGISTRY_ID),
});

export const evict: fc.Arbitrary<OperatorCommand> = fc.record({
  kind: fc.constant('evict' as const),
  cluster,
  member: fc.oneof(
    fc.constantFrom(...CLIENT_IDS, NOBODY).map((id) => ({ id })),
    fc.constantFrom('node-01', 'node-02', '__proto__', 'toString').map((name) => ({ name })),
  ),
});

export const deleteCluster: fc.Arbitrary<OperatorCommand> = fc.record({
  kind: fc.constant('delete-cluster' as const),
  cluster,
});

export const keepCluster: fc.Arbitrary<OperatorCommand> = fc.record({
  kind: fc.constant('keep-cluster' as const),
  name: fc.constantFrom(...NAMES),
  id: fc.constant(''),
  size: fc.constantFrom(2, 3),
  endPointCount: fc.constant(1),
  attrs: fc.constant(0n),
});

/** Tells whether a command is possible after this many creates: no client can know a later cluster's ID. */
export function isPossible(command: Command | OperatorCommand, created: number): boolean {
  if (command.kind === 'create' || command.kind === 'keep-cluster') return created < CLUSTER_IDS.length;
  return command.kind !== 'register' || CLUSTER_IDS.indexOf(command.clientId) < created;
}

/** The possible commands, each create with its own ID. */
function inTurn(commands: readonly Command[]): Command[] {
  let created = 0;
  const possible: Command[] = [];
  for (const command of commands) {
    if (!isPossible(command, created)) continue;
    possible.push(command.kind === 'create' ? { ...command, id: CLUSTER_IDS[created++]! } : command);
  }
  return possible;
}

/** A history: mostly joins, with the clients and clusters for them. */
export const history: fc.Arbitrary<Command[]> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: register },
      { weight: 2, arbitrary: create },
      { weight: 6, arbitrary: join },
      { weight: 1, arbitrary: getCluster },
      { weight: 1, arbitrary: findClient },
    ),
    { maxLength: 40, size: 'max' },
  )
  .map(inTurn);

/** Milliseconds between commands: mostly few, sometimes enough for an expiry. */
export const wait: fc.Arbitrary<number> = fc.oneof({ weight: 8, arbitrary: fc.nat(3) }, fc.nat(60));

/** Limits of a table that forgets nothing. */
export const NO_LIMITS: TableLimits = {
  clients: Infinity,
  clusters: Infinity,
  ephemeralTtlMs: Infinity,
  idleRegistrationTtlMs: Infinity,
  emptyClusterTtlMs: Infinity,
  clustersPerClient: Infinity,
  seatsPerClient: Infinity,
};

/** Limits that a history of this world reaches. */
export const limits: fc.Arbitrary<TableLimits> = fc.record({
  clients: fc.integer({ min: 2, max: 8 }),
  clusters: fc.integer({ min: 1, max: 5 }),
  ephemeralTtlMs: fc.integer({ min: 8, max: 30 }),
  idleRegistrationTtlMs: fc.integer({ min: 8, max: 60 }),
  emptyClusterTtlMs: fc.integer({ min: 8, max: 60 }),
  clustersPerClient: fc.constant(Infinity),
  seatsPerClient: fc.integer({ min: 1, max: 4 }),
});
