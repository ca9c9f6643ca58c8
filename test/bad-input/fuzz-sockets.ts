// Fuzzes a real registry over its sockets. Each connection sends good frames, then one bad frame, cut into random
// segments. Bystanders, whose sessions stay open, must be answered throughout.

import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '../durability/journal-load.ts';
import { ClosedEarly, type Transport } from '../field/field-connection.ts';
import { FieldRegistry } from '../field/field-registry.ts';
import { makeMemberKeys } from '../field/member-keys.ts';
import { encodeMessage, type FieldMessage, type MessageInput, OP } from '../field/protobuf.ts';
import { SealedClient, stated } from '../field/sealed/sealed-client.ts';
import { below, choose, mutated, type Random } from './mutations.ts';

/** The result of a run. */
export interface SocketReport {
  connections: number;
  goodFrames: number;
  badFrames: number;
  badHellos: number;
  /** Broken promises, one line each with the connection's number; must be empty. At most 20 are kept. */
  readonly broken: string[];
}

/** Messages of a whole session. */
const MESSAGES = 6;
/** Connections at a time. */
const CHANNELS = 32;
const BROKEN_MAX = 20;
const BYSTANDERS_EVERY = 200;
const LOG_EVERY = 10_000;
const FRAME_BYTES_MAX = 16_384;
const ARGS = [
  ...['--workers', '2', '--hello-timeout-ms', '60000', '--partial-timeout-ms', '60000', '--log-level', 'warn'],
  ...['--max-hellos-per-second-per-address', '100000', '--hello-queue-ms', '10000'],
  ...['--max-clusters-per-second-per-address', '100000'],
];
const TRANSPORTS: readonly Transport[] = ['tcp', 'ws'];

class SocketFuzz {
  readonly #registry: FieldRegistry;
  readonly #bystanders: SealedClient[] = [];
  readonly #keys = makeMemberKeys({ sig: 80 });
  readonly #token;
  /** The roster of each bystander, which tells its own seat. */
  readonly #rosters: FieldMessage[] = [];
  readonly report: SocketReport = { connections: 0, goodFrames: 0, badFrames: 0, badHellos: 0, broken: [] };

  constructor(registry: FieldRegistry) {
    this.#registry = registry;
    this.#token = stated(registry.file.id, { name: 'recorded', keys: this.#keys });
  }

  async begin(): Promise<void> {
    for (const [at, transport] of TRANSPORTS.entries()) {
      const bystander = await SealedClient.start(this.#options(transport));
      await bystander.identify({ name: `bystander-${transport}`, keys: makeMemberKeys({ sig: 81 + at }) });
      await bystander.create('bystanders', 2);
      await bystander.join();
      this.#bystanders.push(bystander);
    }
    for (const bystander of this.#bystanders) this.#rosters.push(await bystander.getCluster());
  }

  async end(): Promise<void> {
    await this.#askBystanders();
    for (const bystander of this.#bystanders) await bystander.bye();
    const failures = /^xlreg_pool_failures_total\S* (\d+)$/m.exec(await this.#registry.process.metrics())?.[1];
    if (failures !== '0') this.report.broken.push(`${failures} failures of workers`);
  }

  #options(transport: Transport) {
    const { tcpPort, wsPort } = this.#registry.process;
    const port = transport === 'tcp' ? tcpPort : wsPort;
    return { transport, port, registry: this.#registry.file, timeoutMs: 60_000 };
  }

  async #askBystanders(): Promise<void> {
    for (const [i, bystander] of this.#bystanders.entries()) {
      if (!isDeepStrictEqual(await bystander.getCluster(), this.#rosters[i]))
        throw new Error('a bystander sees another roster');
    }
  }

  /** One connection. Throws what is wrong. */
  async run(random: Random): Promise<void> {
    this.report.connections += 1;
    if (this.report.connections % BYSTANDERS_EVERY === 0) await this.#askBystanders();
    const client = await SealedClient.open(this.#options(choose(random, TRANSPORTS)));
    try {
      if (random() < 0.1) await this.#badHello(client, random);
      else await this.#badFrame(client, random);
    } finally {
      client.close();
    }
  }

  /** A changed Hello, then the end of the client's side: it must not be answered. */
  async #badHello(client: SealedClient, random: Random): Promise<void> {
    const hello = client.buildHello();
    const bad = mutated(hello, random, [hello], 1_024);
    // A Hello with more behind it is one with early bytes, which is refused, too, unless they come after the Reply.
    if (bad.subarray(0, hello.length).equals(hello)) return;
    this.report.badHellos += 1;
    await this.#dribble(client, bad, random);
    client.halfClose();
    await expectNothing(client);
  }

  async #badFrame(client: SealedClient, random: Random): Promise<void> {
    await client.sendRaw(client.buildHello());
    await client.receiveReply();
    // Most connections turn bad at their first frame: a longer session costs signatures.
    const count = random() < 0.8 ? 0 : below(random, MESSAGES);
    for (let at = 0; at < count; at++) {
      const message = this.#message(at, client, random);
      this.report.goodFrames += 1;
      const { op } = await client.request(message);
      if (op !== Number(message.op) + 1) throw new Error(`a good frame of Op ${message.op} got Op ${op}`);
    }
    this.report.badFrames += 1;
    const plain = encodeMessage(this.#message(count, client, random));
    if (random() < 0.5) return await this.#authentic(client, plain, random);
    const frame = client.encrypt(plain);
    const bad = mutated(frame, random, [frame, client.encrypt(plain)], FRAME_BYTES_MAX);
    const starts = bad.subarray(0, frame.length).equals(frame);
    await this.#dribble(client, bad, random);
    client.halfClose();
    // On TCP a good frame with more behind it is answered first.
    if (starts && client.transport === 'tcp') return await this.#replyOrClose(client);
    if (!bad.equals(frame)) await expectNothing(client);
  }

  /** A changed plaintext in a frame that authenticates: any reply must be one, and else the close silent. */
  async #authentic(client: SealedClient, plain: Buffer, random: Random): Promise<void> {
    const bad = mutated(plain, random, [plain], FRAME_BYTES_MAX - 17);
    await this.#dribble(client, client.encrypt(bad, random() < 0.95 ? 0 : below(random, 256)), random);
    client.halfClose();
    await this.#replyOrClose(client);
  }

  async #replyOrClose(client: SealedClient): Promise<void> {
    try {
      await client.receive();
    } catch (error) {
      if (!(error instanceof ClosedEarly) || error.closed.bytes.length > 0) throw error;
    }
  }

  /** Sends bytes, on TCP in up to four segments. */
  async #dribble(client: SealedClient, bytes: Buffer, random: Random): Promise<void> {
    if (client.transport === 'ws' || random() < 0.5) return await client.sendRaw(bytes);
    await client.sendCut(
      bytes,
      [1, 2, 3].map(() => below(random, bytes.length + 1)),
    );
  }

  /** The message at this place of a session, of `MESSAGES`. */
  #message(at: number, client: SealedClient, random: Random): MessageInput {
    if (at === 1) return client.clientMessage(this.#token, this.#keys.sigPrivate);
    if (at === 2) return { op: OP.Create, clusterName: `fuzz-${below(random, 100)}`, clusterSize: 2 };
    return { op: [OP.RegCredRequest, 0, 0, OP.Join, OP.GetCluster, OP.Bye][at]! };
  }
}

async function expectNothing(client: SealedClient): Promise<void> {
  const { bytes } = await client.waitClosed();
  if (bytes.length > 0) throw new Error(`${bytes.length} bytes before the close`);
}

/** Runs so many connections. The seed determines what each sends, but for keys. */
export async function fuzzSockets(
  connections: number,
  seed: number,
  log?: (line: string) => void,
): Promise<SocketReport> {
  const registry = await FieldRegistry.start({ args: ARGS });
  const fuzz = new SocketFuzz(registry);
  const { report } = fuzz;
  await fuzz.begin();
  let next = 0;
  const channel = async (): Promise<void> => {
    while (next < connections && report.broken.length < BROKEN_MAX) {
      const at = next++;
      await fuzz.run(seededRandom(Math.imul(seed, 0x9e3779b1) + at)).catch((error: Error) => {
        report.broken.push(`connection ${at}: ${error.message}`);
      });
      if (log && next % LOG_EVERY === 0) log(`${next} connections`);
    }
  };
  await Promise.all(Array.from({ length: CHANNELS }, channel));
  await fuzz.end().catch((error: Error) => report.broken.push(`at the end: ${error.message}`));
  const code = await registry.stop();
  if (code !== 0) report.broken.push(`the registry ended with ${code}`);
  return report;
}
