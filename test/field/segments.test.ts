// Segmentation: the same bytes mean the same, however they are cut and however many messages come at once.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FieldClient } from './field-client.ts';
import { FieldRegistry, WIRES } from './field-registry.ts';
import { signedToken } from './member-keys.ts';
import { type FieldMessage, type MessageInput, OP } from './protobuf.ts';

const TCP = WIRES.filter(({ transport }) => transport === 'tcp');

let registry: FieldRegistry;
beforeAll(async () => {
  // Long deadlines: on a slow machine a message sent byte by byte must not become a timeout.
  registry = await FieldRegistry.start({
    args: ['--hello-timeout-ms', '60000', '--partial-timeout-ms', '60000'],
  });
});
afterEach(() => registry.closeClients());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

type Cuts = readonly number[] | 'every';

/** Runs a session from Hello to Bye with every message cut in pieces; returns the replies. */
async function cutSession(client: FieldClient, name: string, cuts: Cuts): Promise<FieldMessage[]> {
  await client.sendCut(client.buildHello(), cuts);
  await client.receiveHelloReply();
  const messages: MessageInput[] = [
    { op: OP.RegCredRequest },
    { op: OP.Client, clientSpecs: signedToken({ name: 'cut', myEnds: ['127.0.0.1:4001'] }) },
    { op: OP.Create, clusterName: name, clusterSize: 2 },
    { op: OP.Join },
    { op: OP.GetCluster, which: 1 },
    { op: OP.Bye },
  ];
  const replies = [];
  for (const message of messages) {
    await client.send(message, { cuts });
    replies.push(await client.receive());
  }
  expect((await client.waitClosed()).bytes).toHaveLength(0);
  return replies;
}

const REPLIES = [OP.RegCredReply, OP.ClientOK, OP.CreateReply, OP.JoinReply, OP.ClusterMembers, OP.Ack];

describe.each(TCP)('$dialect over TCP', ({ dialect, transport }) => {
  const wire = { dialect, transport };

  it('serves a session in segments of one byte', async () => {
    const replies = await cutSession(await registry.open(wire), `bytes-${dialect}`, 'every');
    expect(replies.map(({ op }) => op)).toEqual(REPLIES);
    expect(replies[4]).toMatchObject({ which: 1n, tokens: [{ name: 'cut', id: replies[1]!.clientId }] });
  });

  it('serves a message cut in two at any offset', async () => {
    const { client } = await registry.register(wire, { name: 'cut' });
    const clusterName = `offsets-${dialect}-${'x'.repeat(100)}`;
    const message = { op: OP.Create, clusterName, clusterSize: 7, clusterAttrs: 2n ** 64n - 1n };
    const whole = await client.call(message, OP.CreateReply);
    const { length } = client.encrypt(message, { keepChain: true });
    expect(length).toBeGreaterThan(128);
    for (let at = 1; at < length; at++) {
      await client.send(message, { cuts: [at] });
      expect(await client.receive(), `cut at ${at} of ${length}`).toEqual(whole);
    }
  });

  it('serves a Hello cut in two at any offset', async () => {
    for (let at = 1; at < 256; at++) {
      const client = await registry.open(wire);
      await client.sendCut(client.buildHello(), [at]);
      await client.receiveHelloReply();
      await client.bye();
    }
  });

  it('serves two messages in one segment, in order', async () => {
    const { client } = await registry.register({ ...wire, receive: 'gather' }, { name: 'two' });
    const create = client.encrypt({ op: OP.Create, clusterName: `pair-${dialect}`, clusterSize: 2 });
    const join = client.encrypt({ op: OP.Join });
    await client.sendRaw(Buffer.concat([create, join]));
    const created = await client.receive();
    const joined = await client.receive();
    expect([created.op, joined.op]).toEqual([OP.CreateReply, OP.JoinReply]);
    expect(joined).toEqual({ ...created, op: OP.JoinReply });
    expect((await client.getCluster()).which).toBe(1n);
  });

  it('serves a segment that ends one message, holds another and begins a third', async () => {
    const { client } = await registry.register({ ...wire, receive: 'gather' }, { name: 'three' });
    const messages = [{ op: OP.Create, clusterName: `three-${dialect}` }, { op: OP.Join }, { op: OP.GetCluster }];
    const wires = messages.map((message) => client.encrypt(message));
    const all = Buffer.concat(wires);
    await client.sendCut(all, [wires[0]!.length - 1, all.length - 1]);
    const replies = [await client.receive(), await client.receive(), await client.receive()];
    expect(replies.map(({ op }) => op)).toEqual([OP.CreateReply, OP.JoinReply, OP.ClusterMembers]);
  });
});

describe.each(WIRES.filter(({ transport }) => transport === 'ws'))('$dialect over WebSocket', (wire) => {
  it('serves messages in fragments', async () => {
    const replies = await cutSession(await registry.open(wire), `fragments-${wire.dialect}`, [1, 10, 17]);
    expect(replies.map(({ op }) => op)).toEqual(REPLIES);
  });

  it('serves messages sent without waiting, in order', async () => {
    const { client } = await registry.register(wire, { name: 'hasty' });
    const messages = [{ op: OP.Create, clusterName: `hasty-${wire.dialect}` }, { op: OP.Join }, { op: OP.Bye }];
    await Promise.all(messages.map((message) => client.send(message)));
    const replies = [await client.receive(), await client.receive(), await client.receive()];
    expect(replies.map(({ op }) => op)).toEqual([OP.CreateReply, OP.JoinReply, OP.Ack]);
  });
});
