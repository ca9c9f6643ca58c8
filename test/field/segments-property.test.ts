// The law behind segments.test.ts over random sessions: replies do not depend on how bytes are cut, nor on how many
// messages are sent without waiting.

import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { FieldClient } from './field-client.ts';
import { ClosedEarly } from './field-connection.ts';
import { FieldRegistry, WIRES, type Wire } from './field-registry.ts';
import { signedToken } from './member-keys.ts';
import { type FieldMessage, type MessageInput, OP } from './protobuf.ts';

let registry: FieldRegistry;
beforeAll(async () => {
  registry = await FieldRegistry.start({
    args: ['--hello-timeout-ms', '60000', '--partial-timeout-ms', '60000'],
  });
});
afterEach(() => registry.closeClients());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

const cluster = fc.constantFrom('a', 'b');
const step: fc.Arbitrary<MessageInput> = fc.oneof(
  fc.constant({ op: OP.RegCredRequest }),
  fc.record({
    op: fc.constant(OP.Create),
    clusterName: cluster,
    clusterSize: fc.option(fc.nat(70), { nil: undefined }),
    endPointCount: fc.constantFrom(undefined, 1),
    clusterAttrs: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined }),
  }),
  fc.record({ op: fc.constant(OP.Join), clusterName: fc.option(cluster, { nil: undefined }) }),
  fc.record({
    op: fc.constant(OP.GetCluster),
    which: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined }),
  }),
  { weight: 1, arbitrary: fc.constantFrom({ op: OP.Bye }, { op: OP.Client }, { op: OP.Ack }, { op: 99 }) },
);

/** Messages to send before their replies are read, and where to cut them, as fractions of the batch's length. */
interface Batch {
  readonly steps: readonly MessageInput[];
  readonly cuts: readonly number[];
}

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const cuts = fc.array(fraction, { maxLength: 5 });
const batch: fc.Arbitrary<Batch> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  cuts,
});

function offsets(fractions: readonly number[], bytes: Uint8Array): number[] {
  return fractions.map((part) => Math.round(part * bytes.length));
}

/** Gives names a suffix of this session, so that sessions do not share clusters. */
function own(message: MessageInput, session: string): MessageInput {
  const { clusterName } = message;
  return clusterName === undefined ? message : { ...message, clusterName: `${session}-${clusterName}` };
}

/** Replies with each assigned ID replaced by the order of its first appearance, and how the session ended. */
function comparable(replies: readonly FieldMessage[], ended: boolean): unknown {
  const ids: string[] = [];
  const label = (id: Buffer | undefined): string | undefined => {
    if (id === undefined) return undefined;
    const hex = id.toString('hex');
    if (!ids.includes(hex)) ids.push(hex);
    return `id ${ids.indexOf(hex)}`;
  };
  const shown = replies.map((reply) => ({
    ...reply,
    clientId: label(reply.clientId),
    clusterId: label(reply.clusterId),
    tokens: reply.tokens.map((token) => ({ ...token, id: label(token.id) })),
  }));
  return { replies: shown, ended };
}

/** Reads up to this many replies; fewer if the registry closes. */
async function receiveUpTo(client: FieldClient, count: number, replies: FieldMessage[]): Promise<boolean> {
  try {
    for (let i = 0; i < count; i++) replies.push(await client.receive());
    return false;
  } catch (error) {
    if (!(error instanceof ClosedEarly)) throw error;
    expect(error.closed.bytes).toHaveLength(0);
    return true;
  }
}

const token = signedToken({ name: 'member', myEnds: ['127.0.0.1:4001'] });

/** Sends one message at a time, each in one piece. */
async function calmly(wire: Wire, session: string, batches: readonly Batch[]): Promise<unknown> {
  const client = await registry.connect(wire);
  const replies = [await client.identify(token)];
  let ended = false;
  for (const message of batches.flatMap(({ steps }) => steps)) {
    await client.send(own(message, session));
    ended = await receiveUpTo(client, 1, replies);
    if (ended) break;
  }
  client.close();
  return comparable(replies, ended);
}

/** Sends a batch at a time, cut at these places; the Hello and Client are cut too. */
async function hastily(
  wire: Wire,
  session: string,
  batches: readonly Batch[],
  helloCuts: readonly number[],
): Promise<unknown> {
  const client = await registry.open({ ...wire, receive: 'gather' });
  const hello = client.buildHello();
  await client.sendCut(hello, offsets(helloCuts, hello));
  await client.receiveHelloReply();
  const identify = client.encrypt({ op: OP.Client, clientSpecs: token });
  await client.sendCut(identify, offsets(helloCuts, identify));
  const replies = [await client.receive()];
  let ended = false;
  for (const { steps, cuts } of batches) {
    const wires = steps.map((message) => client.encrypt(own(message, session)));
    // A WebSocket message is one frame, so each is cut by itself.
    const pieces = wire.transport === 'tcp' ? [Buffer.concat(wires)] : wires;
    for (const piece of pieces) await client.sendCut(piece, offsets(cuts, piece));
    ended = await receiveUpTo(client, steps.length, replies);
    if (ended) break;
  }
  client.close();
  return comparable(replies, ended);
}

it('gives the same replies however the bytes are cut and gathered', async () => {
  let sessions = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...WIRES),
      fc.array(batch, { minLength: 1, maxLength: 4 }),
      cuts,
      async (wire, batches, helloCuts) => {
        const session = `s${sessions++}`;
        const calm = await calmly(wire, `${session}-calm`, batches);
        expect(await hastily(wire, `${session}-hasty`, batches, helloCuts)).toEqual(calm);
      },
    ),
    { numRuns: 60 },
  );
});
