// The harness of the bad-input tests in the sealed dialect: a registry, cases of one connection each, and bystanders whose
// sessions must go on. README.md has the table of rows.

import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import type { Fault } from '../../src/errors.ts';
import { seededRandom } from '../durability/journal-load.ts';
import type { Transport } from '../field/field-connection.ts';
import { makeMemberKeys } from '../field/member-keys.ts';
import { type FieldMessage, type MessageInput, OP, type TokenInput } from '../field/protobuf.ts';
import { SealedClient, type SealedClientOptions, stated } from '../field/sealed/sealed-client.ts';
import { WEB_ENGINES } from '../support/web-engines.ts';
import { type Target, useTarget, withEach } from './bad-input-harness.ts';
import { expectClosed } from './endings.ts';

/** The registry's Hello timeout in these tests, in milliseconds. */
const HELLO_MS = 1_000;
/** The last message of a session, and the shortest. */
export const BYE = { op: OP.Bye };

/** Bytes that a test sends on a connection of its own, until the registry must close. */
export interface Case {
  /** Opens the connection and sends. */
  readonly client: () => Promise<SealedClient>;
  /** The fault that the registry counts; undefined if it counts none. */
  readonly fault: Fault | undefined;
}

/** The registry's sessions in the sealed dialect. */
export class SealedTarget {
  readonly #target: Target;
  readonly #clients = new Set<SealedClient>();
  readonly #bystanders: SealedClient[] = [];
  /** The roster of each bystander, which tells its own seat. */
  readonly #rosters: FieldMessage[] = [];
  #token: TokenInput | undefined;
  readonly #keys = makeMemberKeys({ sig: 60 });

  constructor(target: Target) {
    this.#target = target;
  }

  get registry(): SealedClientOptions['registry'] {
    return this.#target.registry.file;
  }

  #options(transport: Transport): SealedClientOptions {
    const { tcpPort, wsPort } = this.#target.registry.process;
    return { transport, port: transport === 'tcp' ? tcpPort : wsPort, registry: this.registry };
  }

  /** A connection without a Hello. */
  async open(transport: Transport): Promise<SealedClient> {
    const client = await SealedClient.open(this.#options(transport));
    this.#clients.add(client);
    return client;
  }

  /** A connection after the Reply. */
  async connect(transport: Transport): Promise<SealedClient> {
    const client = await this.open(transport);
    await client.sendRaw(client.buildHello());
    await client.receiveReply();
    return client;
  }

  /** Two members in a cluster, one on each transport, whose sessions stay open. */
  async start(): Promise<void> {
    for (const [at, transport] of (['tcp', 'ws'] as const).entries()) {
      const bystander = await SealedClient.start(this.#options(transport));
      await bystander.identify({ name: `bystander-${transport}`, keys: makeMemberKeys({ sig: 61 + at }) });
      await bystander.create('bystanders', 2);
      await bystander.join();
      this.#bystanders.push(bystander);
    }
    for (const bystander of this.#bystanders) this.#rosters.push(await bystander.getCluster());
    this.#token = stated(this.registry.id, { name: 'recorded', keys: this.#keys });
    await (await this.converse('tcp', 6)).waitClosed();
    this.#closeClients();
  }

  /** The messages of the recorded session. A repetition changes nothing in the registry. */
  messages(client: SealedClient): readonly MessageInput[] {
    return [
      { op: OP.RegCredRequest },
      client.clientMessage(this.#token!, this.#keys.sigPrivate),
      { op: OP.Create, clusterName: 'recorded', clusterSize: 2 },
      { op: OP.Join },
      { op: OP.GetCluster },
      BYE,
    ];
  }

  /** A session that has sent the first `count` messages and has their replies. */
  async converse(transport: Transport, count: number, sent?: (frame: Buffer) => void): Promise<SealedClient> {
    const client = await this.connect(transport);
    for (const message of this.messages(client).slice(0, count)) {
      const frame = client.encrypt(message);
      sent?.(frame);
      await client.sendRaw(frame);
      expect((await client.receive()).op).toBe(Number(message.op) + 1);
    }
    return client;
  }

  /** Asserts that each case ends in the same silent close, and that the registry counts these faults and no others. */
  async refuse(cases: readonly Case[]): Promise<void> {
    const counted = await this.#target.countedDuring(() =>
      withEach(cases, async ({ client: make }) => {
        const client = await make();
        await expectClosed(client, true);
        client.close();
      }),
    );
    const expected: Record<string, number> = {};
    for (const { fault } of cases) if (fault) expected[`fault ${fault}`] = (expected[`fault ${fault}`] ?? 0) + 1;
    expect(counted).toEqual(expected);
  }

  /** Closes a test's connections. Asserts that the bystanders' sessions go on and that they see the same. */
  async settle(): Promise<void> {
    this.#closeClients();
    for (const [i, bystander] of this.#bystanders.entries()) {
      expect(await bystander.getCluster()).toEqual(this.#rosters[i]);
    }
  }

  async stop(): Promise<void> {
    for (const bystander of this.#bystanders) await bystander.bye();
  }

  #closeClients(): void {
    for (const client of this.#clients) client.close();
    this.#clients.clear();
  }
}

/**
 * Describes tests once for TCP, and once for WebSocket with each engine. `share` is 1, or less for the second engine: the
 * share of a long list of cases that suffices there, since only the front end differs.
 */
export function describeEachWay(tests: (target: SealedTarget, transport: Transport, share: number) => void): void {
  for (const [at, engine] of WEB_ENGINES.entries()) {
    describe(`with the engine ${engine}`, () => {
      const base = useTarget([
        ...['--web-engine', engine, '--hello-timeout-ms', `${HELLO_MS}`],
        ...['--max-hellos-per-second-per-address', '100000', '--hello-queue-ms', '5000'],
      ]);
      const target = new SealedTarget(base);
      beforeAll(() => target.start());
      afterEach(() => target.settle());
      afterAll(() => target.stop());
      for (const transport of at === 0 ? (['tcp', 'ws'] as const) : (['ws'] as const)) {
        describe(`over ${transport}`, () => tests(target, transport, at === 0 ? 1 : 1 / 8));
      }
    });
  }
}

/** A copy with one bit flipped; bit 0 is the lowest one of the first byte. */
export function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

/** Every bit of so many bytes, or at least one bit of each byte. */
export function bitsOf(bytes: number, share: number, random: () => number): number[] {
  if (share === 1) return range(bytes * 8);
  return range(bytes).map((at) => at * 8 + Math.floor(random() * 8));
}

/** A source of choices that repeats with XLREG_SEED; prints its seed. */
export function printedRandom(): () => number {
  const seed = Number(process.env.XLREG_SEED ?? Date.now() % 2 ** 31);
  console.log(`seed ${seed}`);
  return seededRandom(seed);
}

/** 0 to `end` - 1. */
export function range(end: number): number[] {
  return Array.from({ length: end }, (_, at) => at);
}
