// Clients of two servers with one table. Each session registers a new client, then creates, joins and reads clusters
// that other sessions use too. The load records every operation and its outcome.

import { generateKeyPairSync } from 'node:crypto';
import type { Exchange } from '../../bench/load/exchange.ts';
import { openSession } from '../../bench/load/field-session.ts';
import { signToken } from '../../src/wire/member-token.ts';
import { type Message, Op } from '../../src/wire/message.ts';
import type { RegCred } from '../../src/wire/reg-cred.ts';
import { exportSpki } from '../../src/wire/rsa-key.ts';
import type { Operation } from './history.ts';

const CLIENTS = 12;
/** Time after which an unanswered session is closed. */
const PATIENCE_MS = 6_000;
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const spki = exportSpki(publicKey);

export class ClusterLoad {
  /** Size of every cluster: its roster fits into one reply, and it fills soon. */
  static readonly SIZE = 8;
  readonly history: Operation[] = [];
  acknowledged = 0;
  longestGapMs = 0;
  readonly #registry: (i: number) => RegCred | undefined;
  readonly #random: (bound: number) => number;
  #acknowledgedAt = performance.now();
  #members = 0;
  #clusters = 1;

  /** `registry` returns the credentials of server 0 or 1; undefined while it does not run. */
  constructor(registry: (i: number) => RegCred | undefined, random: (bound: number) => number) {
    this.#registry = registry;
    this.#random = random;
  }

  async run(durationMs: number): Promise<void> {
    const end = performance.now() + durationMs;
    this.#acknowledgedAt = performance.now();
    await Promise.all(
      Array.from({ length: CLIENTS }, async (_, i) => {
        while (performance.now() < end) await this.#session(i % 2);
      }),
    );
  }

  /** Reads every cluster at both servers into the history; resolves to read failures, one line each. */
  async readAll(): Promise<string[]> {
    const problems: string[] = [];
    for (const i of [0, 1]) {
      let exchange: Exchange | undefined;
      for (let number = 0; number <= this.#clusters; number++) {
        exchange ??= await this.#openReader(i);
        const session = exchange;
        const failure = await this.#failureOf(() => this.#get(session, `c-${number}`));
        if (failure === undefined) continue;
        // Some numbers have no cluster. An Error ends the session (E2).
        if (!/cannot find/.test(failure)) problems.push(`server ${i} cannot read c-${number}: ${failure}`);
        exchange.close();
        exchange = undefined;
      }
      exchange?.close();
    }
    return problems;
  }

  async #openReader(i: number): Promise<Exchange> {
    const exchange = await this.#open(i);
    await this.#register(exchange, `reader-${i}`);
    return exchange;
  }

  async #open(i: number): Promise<Exchange> {
    const regCred = this.#registry(i);
    if (!regCred) throw new Error(`server ${i} does not run`);
    return openSession({ regCred, transport: 'tcp', wsUrl: undefined, dialect: 'prefixed' });
  }

  async #register(exchange: Exchange, name: string): Promise<void> {
    const token = { Name: name, CommsKey: spki, SigKey: spki, MyEnds: ['127.0.0.1:4001'] };
    await exchange({ Op: Op.Client, ClientSpecs: signToken(token, privateKey) }, Op.ClientOK);
  }

  /** Runs one session. After a failure it pauses for 20 ms. */
  async #session(i: number): Promise<void> {
    let exchange: Exchange | undefined;
    const patience = setTimeout(() => exchange?.close(), PATIENCE_MS);
    try {
      exchange = await this.#open(i);
      const member = `m-${++this.#members}`;
      await this.#register(exchange, member);
      // Most sessions use a recent cluster; some use a full or a new one.
      const recent = this.#clusters - this.#random(3);
      const name = `c-${this.#random(20) === 0 ? this.#clusters + 1 : Math.max(0, recent)}`;
      for (const step of [this.#get, this.#create, this.#join, this.#get]) {
        if (step === this.#get && this.#random(2) === 0) continue;
        const failure = await this.#failureOf(() => step.call(this, exchange!, name, member));
        if (failure !== undefined) return;
      }
      await exchange({ Op: Op.Bye }, Op.Ack);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      clearTimeout(patience);
      exchange?.close();
    }
  }

  /** Runs a step; resolves to its error message, or undefined if it succeeded. */
  async #failureOf(step: () => Promise<void>): Promise<string | undefined> {
    return step().then(
      () => undefined,
      (error: Error) => error.message,
    );
  }

  async #create(exchange: Exchange, cluster: string): Promise<void> {
    const asked = performance.now();
    const message = { Op: Op.Create, ClusterName: cluster, ClusterSize: ClusterLoad.SIZE, EndPointCount: 1 };
    const reply = await this.#exchange(exchange, message, Op.CreateReply, (ended) =>
      this.history.push({ kind: 'lost-create', cluster, asked, ended }),
    );
    this.#acknowledge();
    const id = Buffer.from(reply.ClusterID!).toString('hex');
    this.history.push({ kind: 'create', cluster, asked, ended: performance.now(), id });
    const number = Number(cluster.slice(2));
    this.#clusters = Math.max(this.#clusters, number);
  }

  async #join(exchange: Exchange, cluster: string, member: string): Promise<void> {
    const asked = performance.now();
    await this.#exchange(exchange, { Op: Op.Join, ClusterName: cluster }, Op.JoinReply, (ended, why) => {
      const full = /cluster is full/.test(why);
      this.history.push({ kind: full ? 'full' : 'lost-join', cluster, asked, ended, member });
      if (full) this.#clusters = Math.max(this.#clusters, Number(cluster.slice(2)) + 1);
      if (/cannot find/.test(why)) this.history.push({ kind: 'unknown', cluster, asked, ended });
    });
    this.#acknowledge();
    this.history.push({ kind: 'join', cluster, asked, ended: performance.now(), member });
  }

  async #get(exchange: Exchange, cluster: string): Promise<void> {
    const asked = performance.now();
    const reply = await this.#exchange(
      exchange,
      { Op: Op.GetCluster, ClusterName: cluster },
      Op.ClusterMembers,
      (ended, why) => {
        if (/cannot find/.test(why)) this.history.push({ kind: 'unknown', cluster, asked, ended });
      },
    );
    const which = BigInt(String(reply.Which ?? 0));
    const indexes = Array.from({ length: 64 }, (_, i) => i).filter((i) => which & (1n << BigInt(i)));
    const seats = new Map(indexes.map((index, i) => [index, reply.Tokens![i]!.Name!]));
    const id = Buffer.from(reply.ClusterID!).toString('hex');
    this.history.push({ kind: 'get', cluster, asked, ended: performance.now(), id, seats });
  }

  async #exchange(
    exchange: Exchange,
    message: Message,
    expected: Op,
    failed: (ended: number, why: string) => void,
  ): Promise<Message> {
    try {
      return await exchange(message, expected);
    } catch (error) {
      failed(performance.now(), (error as Error).message);
      throw error;
    }
  }

  #acknowledge(): void {
    const now = performance.now();
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#acknowledgedAt);
    this.#acknowledgedAt = now;
    this.acknowledged += 1;
  }
}
