// Streams between members over real sockets: data both ways, back-pressure, ends told apart from cuts, and members who
// lose their place.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MemberStream } from '../../../src/client/streams/member-stream.ts';
import { MemberStreams } from '../../../src/client/streams/member-streams.ts';
import type { StreamPeer } from '../../../src/client/streams/peer-directory.ts';
import { PeerRemoved, StreamCut, StreamRefused } from '../../../src/client/streams/stream-error.ts';
import { curvePair, Handshake } from '../../field/sealed/noise.ts';
import { counted } from '../../field/sealed/statement.ts';
import { CLUSTER_ID, REGISTRY_ID, type TestMember, TestRoster, testMember } from './directory.ts';

let roster: TestRoster;
let alice: TestMember;
let bob: TestMember;
let dialler: MemberStreams;
let listener: MemberStreams;
let port: number;
const sockets = new Set<Socket>();

beforeEach(async () => {
  roster = new TestRoster();
  [alice, bob] = [testMember(), testMember()];
  dialler = new MemberStreams(roster.directory(alice));
  listener = new MemberStreams(roster.directory(bob));
  ({ port } = await listener.listen({ port: 0, host: '127.0.0.1' }));
  roster.put(alice, 1);
  roster.put(bob, port);
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all([dialler.close(), listener.close()]);
});

/** Opens a stream; returns both ends. */
async function pair(): Promise<{ here: MemberStream; there: MemberStream }> {
  const [there, here] = await Promise.all([nextStream(), dialler.dial(bob.id)]);
  return { here, there };
}

async function nextStream(): Promise<MemberStream> {
  const [stream] = (await once(listener, 'stream')) as [MemberStream];
  return stream;
}

/** Reads to the end mark. Unlike `for await`, leaves the stream's other direction open. */
async function textOf(stream: MemberStream): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return Buffer.concat(chunks).toString();
}

/** The error that a stream ends with. */
async function errorOf(stream: MemberStream): Promise<unknown> {
  const [error] = await once(stream, 'error');
  return error;
}

/** The second implementation's dialler: a bare socket to the listener. */
async function rawSocket(toPort = port): Promise<Socket> {
  const socket = connect({ port: toPort, host: '127.0.0.1', noDelay: true });
  sockets.add(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

function rawHandshake(self: TestMember, changes: { clusterId?: Buffer; responderId?: Buffer } = {}): Handshake {
  const ids = [REGISTRY_ID, changes.clusterId ?? CLUSTER_ID, changes.responderId ?? bob.id];
  return new Handshake({
    ...{ pattern: 'IK', initiator: true, s: curvePair(self.secret), rs: Buffer.from(bob.pair.publicKey) },
    prologue: Buffer.concat([Buffer.from('xlReg member 1\r\n'), ...ids.map(counted)]),
  });
}

function rawMessage1(handshake: Handshake, id: Buffer): Buffer {
  return Buffer.concat([Buffer.from('xlReg member 1\r\n'), counted(handshake.write(counted(id)))]);
}

/** Waits for exact bytes. */
async function readExactly(socket: Socket, count: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(count) as Buffer | null;
    if (bytes !== null) return bytes;
    if (socket.readableEnded || socket.destroyed) throw new Error('the connection ended');
    await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
  }
}

/** Opens a stream of alice by the second implementation, up to its first frame. */
async function rawStream() {
  const handshake = rawHandshake(alice);
  const socket = await rawSocket();
  const accepted = nextStream();
  socket.write(rawMessage1(handshake, alice.id));
  handshake.read((await readExactly(socket, 50)).subarray(2));
  const { send } = handshake.split();
  socket.write(counted(send.encrypt(Buffer.from([0]))));
  return { socket, send, stream: await accepted };
}

describe('an open stream', () => {
  it('carries data both ways, and each direction ends by itself (P8)', async () => {
    const { here, there } = await pair();
    expect(there.peer.id).toEqual(alice.id);
    here.end('question');
    expect(await textOf(there)).toBe('question');
    there.end('answer');
    expect(await textOf(here)).toBe('answer');
    await Promise.all([here, there].map(async (stream) => stream.closed || (await once(stream, 'close'))));
    expect([dialler.size, listener.size]).toEqual([0, 0]);
  });

  it('delivers a megabyte in pieces of any size', async () => {
    const { here, there } = await pair();
    const bytes = randomBytes(1_000_000);
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7) % 150_001) {
      here.write(bytes.subarray(at, at + size));
    }
    here.end();
    expect(Buffer.concat(await there.toArray()).equals(bytes)).toBe(true);
  });

  it('holds the writer back while nobody reads', async () => {
    const { here, there } = await pair();
    const chunk = Buffer.alloc(100_000);
    let written = 0;
    // A writer that heeds back-pressure, against a reader that takes nothing: it must stop.
    while (here.write(chunk) || (await drained(here))) written += 1;
    expect(written).toBeLessThan(200);
    there.resume();
    await once(here, 'drain');
  });

  async function drained(stream: MemberStream): Promise<boolean> {
    const quiet = new AbortController();
    const timer = setTimeout(() => quiet.abort(), 500);
    return await once(stream, 'drain', { signal: quiet.signal })
      .then(() => true)
      .catch(() => false)
      .finally(() => clearTimeout(timer));
  }

  it('delivers what came before a cut, then reports the cut (P8)', async () => {
    const { here, there } = await pair();
    await new Promise<void>((resolve) => here.write('last words', () => resolve()));
    const [chunk] = (await once(there, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('last words');
    const [error] = await Promise.all([errorOf(there), here.destroy()]);
    expect(error).toBeInstanceOf(StreamCut);
  });

  it('reports a cut to a writer, too', async () => {
    const { here, there } = await pair();
    const error = errorOf(here);
    there.on('error', () => {});
    there.destroy();
    expect(await error).toBeInstanceOf(StreamCut);
  });

  it.each([
    ['evicted', () => roster.remove(alice)],
    ['no longer verified', () => roster.put(alice, 1, { verified: false })],
    ['registered anew with another SealKey', () => roster.put(alice, 1, { sealKey: testMember().pair.publicKey })],
    ['without a SealKey', () => roster.put(alice, 1, { sealKey: Buffer.alloc(32) })],
  ])('is cut when the other side is %s (P10)', async (_, change) => {
    const { here, there } = await pair();
    here.on('error', () => {});
    const error = errorOf(there);
    change();
    expect(await error).toBeInstanceOf(PeerRemoved);
    expect(listener.size).toBe(0);
  });

  it('survives a change of the roster that concerns others', async () => {
    const { here, there } = await pair();
    roster.put(testMember(), 2);
    roster.put(alice, 77);
    here.end('still here');
    expect(await textOf(there)).toBe('still here');
    there.end();
  });
});

describe('dial', () => {
  /** Changes bob's entry; returns his ID. */
  function changed(entry: Partial<StreamPeer>): Buffer {
    roster.put(bob, port, entry);
    return bob.id;
  }

  it.each([
    ['an ID outside the roster', () => testMember().id],
    ['this member itself', () => alice.id],
    ['an unverified member', () => changed({ verified: false })],
    ['a member that takes no streams', () => changed({ sealKey: undefined })],
  ])('refuses %s (P1)', async (_, id) => {
    await expect(dialler.dial(id())).rejects.toMatchObject({ because: 'peer' });
  });

  it('fetches the roster and tries once more if the SealKey on record is old (P7)', async () => {
    roster.put(bob, port, { sealKey: testMember().pair.publicKey });
    roster.onRefresh = () => roster.put(bob, port);
    listener.on('stream', (stream) => stream.end('found'));
    const stream = await dialler.dial(bob.id);
    stream.end();
    expect(await textOf(stream)).toBe('found');
  });

  it('tells an end point that nobody listens on', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port: free } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    roster.put(bob, free);
    await expect(dialler.dial(bob.id)).rejects.toMatchObject({ because: 'unreachable' });
  });

  it('tries the next end point', async () => {
    roster.put(bob, port, { endPoints: ['127.0.0.1:1', `127.0.0.1:${port}`] });
    listener.on('stream', (stream) => stream.end());
    (await dialler.dial(bob.id)).end().resume();
  });

  it('gives up at its deadline, and at an abort', async () => {
    const silent = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    roster.put(bob, (silent.address() as { port: number }).port);
    await expect(dialler.dial(bob.id, { timeoutMs: 50 })).rejects.toBeInstanceOf(StreamRefused);
    const reason = new Error('enough');
    await expect(dialler.dial(bob.id, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    silent.close();
  });

  it('refuses a listener that holds another key (unknown key share)', async () => {
    // Mallory publishes bob's SealKey and end point as its own: who dials mallory must not reach bob.
    const mallory = testMember();
    roster.put(mallory, port, { sealKey: bob.pair.publicKey });
    let reported = 0;
    listener.on('stream', () => (reported += 1));
    await expect(dialler.dial(mallory.id)).rejects.toMatchObject({ because: 'handshake' });
    expect(reported).toBe(0);
  });
});

describe('a listener', () => {
  it('serves a dialler of the second implementation', async () => {
    const socket = await rawSocket();
    const handshake = rawHandshake(alice);
    const stream = nextStream();
    socket.write(rawMessage1(handshake, alice.id));
    expect((await readExactly(socket, 2)).readUInt16BE()).toBe(48);
    expect(handshake.read(await readExactly(socket, 48))).toHaveLength(0);
    const { send, receive } = handshake.split();
    socket.write(counted(send.encrypt(Buffer.from([0]))));
    const there = await stream;
    there.end('from the listener');
    const length = (await readExactly(socket, 2)).readUInt16BE();
    expect(receive.decrypt(await readExactly(socket, length)).toString()).toBe('\0from the listener');
    socket.write(counted(send.encrypt(Buffer.from('\0back'))));
    socket.write(counted(send.encrypt(Buffer.from([1]))));
    expect(await textOf(there)).toBe('back');
  });

  it('reports no stream and sends no data for a replayed message 1 (P5)', async () => {
    const recorded = rawMessage1(rawHandshake(alice), alice.id);
    let reported = 0;
    listener.on('stream', () => (reported += 1));
    const socket = await rawSocket();
    socket.write(recorded);
    await readExactly(socket, 50);
    // A guess of the first frame ends the connection.
    const closed = once(socket, 'close');
    socket.resume();
    socket.write(counted(Buffer.alloc(17)));
    await closed;
    expect(reported).toBe(0);
  });

  it.each([
    ['of a stranger', () => [testMember(), undefined, {}] as const],
    ['that claims the ID of another', () => [testMember(), alice.id, {}] as const],
    ['for another cluster', () => [alice, undefined, { clusterId: Buffer.alloc(32, 3) }] as const],
    ['for another listener', () => [alice, undefined, { responderId: Buffer.alloc(32, 4) }] as const],
    ['of itself', () => [bob, undefined, {}] as const],
  ])('closes without a word at a message 1 %s (P2, P4)', async (_, made) => {
    const [self, id, changes] = made();
    const socket = await rawSocket();
    const closed = once(socket, 'close');
    let bytes = 0;
    socket.on('data', (chunk) => (bytes += chunk.length));
    socket.write(rawMessage1(rawHandshake(self, changes), id ?? self.id));
    await closed;
    expect(bytes).toBe(0);
  });

  it('refuses a member who publishes the SealKey of another (unknown key share)', async () => {
    // Mallory's entry shows alice's SealKey. Alice dials bob as herself; bob must not take her for mallory.
    const mallory = testMember();
    roster.put(mallory, 1, { sealKey: alice.pair.publicKey });
    const socket = await rawSocket();
    const closed = once(socket, 'close').then(() => 'closed');
    socket.resume();
    const stream = nextStream().then(({ peer }) => peer.id);
    // Only the holder of alice's secret could claim mallory's ID: that is mallory's own loss. Alice claims hers.
    const handshake = rawHandshake(alice);
    socket.pause();
    socket.write(rawMessage1(handshake, alice.id));
    handshake.read((await readExactly(socket, 50)).subarray(2));
    socket.write(counted(handshake.split().send.encrypt(Buffer.from([0]))));
    expect(await Promise.race([stream, closed])).toEqual(alice.id);
  });

  it('takes a member that is newer than its roster, after one fetch (P4)', async () => {
    const carol = testMember();
    roster.onRefresh = () => roster.put(carol, 1);
    const carols = new MemberStreams(roster.directory(carol));
    const [there, here] = await Promise.all([nextStream(), carols.dial(bob.id)]);
    expect(there.peer.id).toEqual(carol.id);
    here.end().resume();
    there.end().resume();
    await carols.close();
  });

  it('fetches the roster once a second at most, whoever asks (P7)', async () => {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const stranger = testMember();
        const socket = await rawSocket();
        const closed = once(socket, 'close');
        socket.resume();
        socket.write(rawMessage1(rawHandshake(stranger), stranger.id));
        await closed;
      }),
    );
    expect(roster.refreshes).toBeLessThanOrEqual(3);
  });

  it('admits members while one address holds all half-open places (P6)', async () => {
    const idle = await Promise.all(Array.from({ length: 80 }, () => rawSocket()));
    listener.on('stream', (stream) => stream.end('served'));
    const stream = await dialler.dial(bob.id);
    stream.end();
    expect(await textOf(stream)).toBe('served');
    expect(idle.filter(({ destroyed }) => destroyed).length).toBeLessThan(80);
  });

  it.each([
    ['a flipped bit', (frame: Buffer) => (frame[5]! ^= 1)],
    ['a length below a tag', (frame: Buffer) => frame.writeUInt16BE(16)],
  ])('cuts a stream at %s (P8)', async (_, damage) => {
    const { socket, send, stream } = await rawStream();
    const error = errorOf(stream);
    const frame = counted(send.encrypt(Buffer.from('\0data')));
    damage(frame);
    socket.write(frame);
    expect(await error).toBeInstanceOf(StreamCut);
  });

  it.each([
    ['another type', [Buffer.from([2])]],
    ['an end mark with data', [Buffer.from([1, 7])]],
    ['data behind the end mark', [Buffer.from([1]), Buffer.from([0, 7])]],
    ['a FIN without an end mark', []],
  ])('cuts a stream at %s (P8)', async (_, frames) => {
    const { socket, send, stream } = await rawStream();
    const error = errorOf(stream.resume());
    for (const frame of frames) socket.write(counted(send.encrypt(frame)));
    if (frames.length === 0) socket.end();
    expect(await error).toBeInstanceOf(StreamCut);
  });
});
