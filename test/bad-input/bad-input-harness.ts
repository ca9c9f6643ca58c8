// The harness of the bad-input tests: a registry with short deadlines, witness sessions, and rows. A row is a kind of
// bad input and how its connection must end. Witnesses are sessions that assert that bad input harms only its sender.

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Dialect, type EncryptOptions, FieldClient } from '../field/field-client.ts';
import { FieldRegistry, WIRES, type Wire } from '../field/field-registry.ts';
import { signedToken } from '../field/member-keys.ts';
import type { FieldMessage, MessageInput } from '../field/protobuf.ts';
import { THOROUGH } from '../support/thorough.ts';
import {
  COUNTED_WITH,
  type Counted,
  type Counts,
  countedFor,
  type Ending,
  expectEnding,
  PARTIAL_MS,
} from './endings.ts';

/** A transport and a dialect. */
export type BothWays = (typeof WIRES)[number];

/** Both transports and both dialects, in the two ways to pair them. */
const PAIRS = [
  [WIRES[0]!, WIRES[3]!],
  [WIRES[1]!, WIRES[2]!],
] as const;
let sampled = 0;

/** The wires of the next test: the pairs in turn, all in a thorough run, or those of the only dialect. */
function nextWires(dialects?: readonly Dialect[]): readonly BothWays[] {
  if (dialects !== undefined) return WIRES.filter(({ dialect }) => dialects.includes(dialect));
  return THOROUGH ? WIRES : PAIRS[sampled++ % PAIRS.length]!;
}

/** Maximum of connections that a row opens at the same time. */
const CONCURRENT_MAX = 64;

/** Bytes for the wire, or a message or plaintext to encrypt. */
export type Sends = MessageInput | Uint8Array | ((client: FieldClient) => Uint8Array);

/** One kind of bad input. */
export interface Row {
  /** The test's name: verb, object, and the catalogue's number in parentheses. */
  readonly row: string;
  /** Each is sent on a connection of its own, as soon as its client is in the state `as`. */
  readonly sends: readonly Sends[];
  readonly ends: Ending;
  /** The client's state; `anonymous` by default. */
  readonly as?: 'anonymous' | 'identified' | 'joined';
  readonly dialects?: readonly Dialect[];
}

/** Encrypts a message with something wrong about it. */
export function encrypted(message: MessageInput | Uint8Array, options: EncryptOptions): Sends {
  return (client) => client.encrypt(message, options);
}

/** A registry under test, and its witnesses. */
export class Target {
  #registry: FieldRegistry | undefined;
  readonly #witnesses: { client: FieldClient; roster: FieldMessage }[] = [];
  #names = 0;

  get registry(): FieldRegistry {
    if (this.#registry === undefined) throw new Error('the registry has not started');
    return this.#registry;
  }

  async start(args: readonly string[]): Promise<void> {
    this.#registry = await FieldRegistry.start({ args: ['--partial-timeout-ms', `${PARTIAL_MS}`, ...args] });
    const { process, file } = this.#registry;
    for (const [dialect, transport] of [['chained', 'tcp'] as const, ['prefixed', 'ws'] as const]) {
      const port = transport === 'tcp' ? process.tcpPort : process.wsPort;
      const client = await FieldClient.start({ dialect, transport, port, registryKey: file.commsKey });
      await client.identify(signedToken({ name: `witness-${transport}`, myEnds: ['127.0.0.1:4001'] }));
      await client.create('witnesses', 2);
      await client.join();
      this.#witnesses.push({ client, roster: await client.getCluster() });
    }
    this.#witnesses[0]!.roster = await this.#witnesses[0]!.client.getCluster();
  }

  /** Closes a test's clients. Asserts that the witnesses still work and see the same, and that no worker failed. */
  async settle(): Promise<void> {
    this.registry.closeClients();
    expect(await this.metric('xlreg_pool_failures_total')).toBe(0);
    for (const { client, roster } of this.#witnesses) expect(await client.getCluster()).toEqual(roster);
  }

  /** Ends the witnesses' sessions; the registry must exit with 0. */
  async stop(): Promise<void> {
    for (const { client } of this.#witnesses) await client.bye();
    expect(await this.registry.stop()).toBe(0);
  }

  /** The ID of the witnesses' cluster. */
  get witnessed(): Buffer {
    return this.#witnesses[0]!.roster.clusterId!;
  }

  /** A name that no test has used. */
  unique(name: string): string {
    return `${name}-${this.#names++}`;
  }

  /** A registered client that has joined a cluster of its own. */
  async joined(wire: Wire): Promise<FieldClient> {
    const { client } = await this.registry.register(wire, { name: 'peer' });
    await client.create(this.unique('own'), 2);
    await client.join();
    return client;
  }

  /** A client in the state that a row asks for. */
  async client(wire: Wire, as: Row['as']): Promise<FieldClient> {
    if (as === 'joined') return await this.joined(wire);
    if (as === 'identified') return (await this.registry.register(wire, { name: 'peer' })).client;
    return await this.registry.connect(wire);
  }

  /** A metric's value; of a labelled metric, the sum of its series. */
  async metric(name: string, labels = ''): Promise<number> {
    const lines = (await this.registry.process.metrics()).split('\n');
    const found = lines.filter((line) => line.startsWith(name) && '{ '.includes(line[name.length]!));
    if (found.length === 0) throw new Error(`no ${name} in /metrics`);
    const values = found.filter((line) => line.includes(labels)).map((line) => Number(line.split(' ').at(-1)));
    return values.reduce((sum, value) => sum + value, 0);
  }

  async #counts(): Promise<Map<Counted, number>> {
    const line = /^xlreg_(fault|refusal)s_total\{(?:fault|refusal)="([^"]+)"\} (\d+)$/gm;
    const found = (await this.registry.process.metrics()).matchAll(line);
    return new Map([...found].map(([, kind, code, count]) => [`${kind} ${code}` as Counted, Number(count)]));
  }

  /** The faults and refusals that the registry counts during an action. */
  async countedDuring(action: () => Promise<unknown>): Promise<Counts> {
    const before = await this.#counts();
    expect(before.size).toBeGreaterThan(Object.keys(COUNTED_WITH).length);
    await action();
    const after = await this.#counts();
    const differences = [...after].map(([code, count]) => [code, count - before.get(code)!] as const);
    return Object.fromEntries(differences.filter(([, count]) => count !== 0)) as Counts;
  }
}

/** Starts a registry for a file's tests, with two witnesses that are asked after each test. */
export function useTarget(args: readonly string[] = []): Target {
  const target = new Target();
  beforeAll(() => target.start(args));
  afterEach(() => target.settle());
  afterAll(() => target.stop());
  return target;
}

/** Runs an action for each item, `CONCURRENT_MAX` at a time. Rejects with the first error and its item's index. */
export async function withEach<T>(items: readonly T[], action: (item: T, index: number) => Promise<void>) {
  const left = items.entries();
  let failure: Error | undefined;
  const channel = async (): Promise<void> => {
    for (const [index, item] of left) {
      if (failure !== undefined) return;
      await action(item, index).catch((cause: Error) => {
        failure ??= new Error(`case ${index} of ${items.length}: ${cause.message}`, { cause });
      });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_MAX }, channel));
  if (failure !== undefined) throw failure;
}

/** A test on each of its wires that asserts which faults and refusals are counted meanwhile; none by default. */
export function onWires(
  target: Target,
  title: string,
  test: (wire: BothWays) => Promise<void>,
  counts: Counts | ((wire: BothWays) => Counts) = {},
): void {
  for (const wire of nextWires()) {
    it(`${wire.transport}, ${wire.dialect}: ${title}`, async () => {
      const counted = await target.countedDuring(() => test(wire));
      expect(counted).toEqual(typeof counts === 'function' ? counts(wire) : counts);
    });
  }
}

/** A test for each row on each of its wires. */
export function testRows(target: Target, rows: readonly Row[]): void {
  for (const { row, sends, ends, as, dialects } of rows) {
    for (const wire of nextWires(dialects)) {
      it(`${wire.transport}, ${wire.dialect}: ${row}`, async () => {
        const counted = await target.countedDuring(() =>
          withEach(sends, async (send) => {
            const client = await target.client(wire, as);
            const bytes = typeof send === 'function' ? send(client) : client.encrypt(send);
            await expectEnding(client, bytes, ends);
            client.close();
          }),
        );
        const code = countedFor(ends, wire.transport);
        expect(counted).toEqual(code === undefined ? {} : { [code]: sends.length });
      });
    }
  }
}
