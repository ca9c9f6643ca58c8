// A worker of a registry in this thread, and a session of the sealed dialect recorded against it, for fuzzing. A job
// passes the same slots, codecs and table as in the server. Only queues and threads are left out.

import { createPublicKey, randomBytes } from 'node:crypto';
import { readCommand, readReply, writeCommand, writeReply } from '../../src/coordinator/command-codec.ts';
import { CipherState } from '../../src/noise/cipher-state.ts';
import { HandshakeState } from '../../src/noise/handshake-state.ts';
import { generateKeyPair } from '../../src/noise/key-pair.ts';
import { type Job, type JobResult, readJob, readResult, writeJob, writeResult } from '../../src/pool/job.ts';
import { pooledRandom } from '../../src/pool/pooled-random.ts';
import { NO_SCAN } from '../../src/pool/scan-codec.ts';
import { SealKeyWriter } from '../../src/pool/seal-key.ts';
import { conclude, jobContext, serveJob } from '../../src/pool/serve-job.ts';
import { sealedHelloJob } from '../../src/pool/serve-sealed.ts';
import { readSession } from '../../src/pool/session-record.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import { newChannelMemory, WorkerChannel } from '../../src/shared-memory/worker-channel.ts';
import { decodeMessage, encodeMessage, type Message, Op } from '../../src/wire/message.ts';
import { signPss } from '../../src/wire/pss.ts';
import { FrameAssembly, LAST } from '../../src/wire/sealed-frame.ts';
import { mac1, mac1Key, SEALED_PROLOGUE } from '../../src/wire/sealed-hello.ts';
import type { SealedKeys } from '../../src/wire/sealed-keys.ts';
import { clientProof, statementBytes, statementDigest } from '../../src/wire/statement.ts';
import { makeMemberKeys } from '../field/member-keys.ts';
import { NO_LIMITS } from '../registry/arbitrary-commands.ts';
import { statedToken } from '../support/sealed-client.ts';
import type { Random } from './mutations.ts';

const REPLY_BYTES_MAX = 262_144;
const CLUSTERS_MAX = 1_000;
const TIMES = { open: 0, ask: 0, seal: 0 };
const PEER = '127.0.0.1';

/** One frame of the session: its bytes, its plaintext, and the session's record before it. */
export interface RecordedFrame {
  readonly frame: Buffer;
  readonly plain: Buffer;
  readonly record: Buffer;
}

/** A worker with a table, in this thread. */
export class LoneWorker {
  readonly id = randomBytes(32);
  readonly mac1Key: Buffer;
  readonly #sealKey: SealKeyWriter;
  readonly #context;
  readonly #table: ClusterTable;
  readonly #channel = new WorkerChannel(newChannelMemory(REPLY_BYTES_MAX));

  constructor() {
    const [ck, sk] = [makeMemberKeys({ sig: 70 }), makeMemberKeys({ sig: 71 })];
    this.mac1Key = mac1Key(createPublicKey(sk.sigPrivate));
    this.#sealKey = new SealKeyWriter({ registryId: this.id, sigKey: sk.sigPrivate, oldDialectsClosed: false });
    const facts = {
      ...{
        commsKey: ck.sigPrivate,
        registryToken: { ID: this.id, CommsKey: ck.sigKey, SigKey: sk.sigKey },
        version: 1,
      },
      replyBytesMax: { tcp: 16_384, ws: REPLY_BYTES_MAX },
      sealed: { mac1Key: this.mac1Key, sealKey: this.#sealKey.memory, sigKey: sk.sigPrivate },
    };
    this.#context = jobContext(facts, pooledRandom());
    const limits = { ...NO_LIMITS, clients: 100, clusters: CLUSTERS_MAX };
    this.#table = new ClusterTable(this.id.toString('hex'), limits, 0);
  }

  close(): void {
    this.#sealKey.close();
  }

  /** Serves a job, as the pool's worker does. Throws where a worker would fail. */
  serve(kind: Job['kind'], bytes: Uint8Array, session?: Uint8Array): JobResult {
    const [slot, response] = [this.#channel.jobs[0]!, this.#channel.responses[0]!];
    writeJob({ kind, transport: 'ws', session, scan: NO_SCAN, bytes, origin: 0 }, slot);
    const served = serveJob(readJob(slot), this.#context);
    if (served.kind !== 'pending') {
      writeResult(served, TIMES, response);
      return readResult(response);
    }
    writeCommand(served.question.command, response);
    writeReply(this.#table.apply(readCommand(response), 0).reply, response);
    writeResult(conclude(served, readReply(response), this.#context), TIMES, response);
    return readResult(response);
  }

  /** A good Hello, and the handshake behind it. */
  hello(): { readonly bytes: Uint8Array; readonly handshake: HandshakeState } {
    const e = generateKeyPair();
    const handshake = new HandshakeState('NX', 'initiator', { prologue: SEALED_PROLOGUE, e });
    const message = handshake.writeMessage(mac1(this.mac1Key, e.publicKey));
    return { bytes: sealedHelloJob(Buffer.concat([SEALED_PROLOGUE, message]), PEER), handshake };
  }

  /** Records a session with one message of each kind, and several of some. */
  record(): readonly RecordedFrame[] {
    const { bytes, handshake } = this.hello();
    const reply = this.#reply('sealed-hello', bytes);
    handshake.readMessage(reply.bytes);
    let record = Buffer.from(reply.session!);
    const { h } = handshake.split();
    const keys = makeMemberKeys({ sig: 72 });
    const token = statedToken(this.id, { name: 'recorded', keys, token: { Labels: 'rack=7\nzone=a' } });
    const DigSig = signPss(keys.sigPrivate, clientProof(h, statementDigest(statementBytes(this.id, token))));
    const messages: readonly Message[] = [
      { Op: Op.RegCredRequest },
      { Op: Op.Client, ClientSpecs: token, DigSig },
      { Op: Op.Create, ClusterName: 'recorded', ClusterSize: 3, EndPointCount: 1 },
      { Op: Op.Join, ClusterName: 'recorded' },
      { Op: Op.GetCluster, ClusterName: 'recorded', ClusterSize: 1 },
      { Op: Op.GetCluster },
      { Op: Op.Bye },
    ];
    return messages.map((message) => {
      const plain = Buffer.concat([Uint8Array.of(LAST), encodeMessage(message)]);
      const recorded = { plain, record, frame: encrypted(plain, record) };
      const served = this.#reply('message', recorded.frame, record);
      const answer = decodeReply(served.bytes, record);
      if (answer.Op !== message.Op! + 1) throw new Error(`the recorded session got Op ${answer.Op}`);
      if (served.session) record = Buffer.from(served.session);
      return recorded;
    });
  }

  #reply(kind: Job['kind'], bytes: Uint8Array, session?: Uint8Array) {
    const result = this.serve(kind, bytes, session);
    if (result.kind !== 'reply') throw new Error(`the recorded session ended with ${JSON.stringify(result)}`);
    return result;
  }
}

function keysOf(record: Uint8Array): SealedKeys {
  return readSession(Buffer.from(record)).keys as SealedKeys;
}

/** The frame of a plaintext, flag included, under a session's keys. */
export function encrypted(plain: Buffer, record: Buffer): Buffer {
  const { receiveKey, received } = keysOf(record);
  return new CipherState(receiveKey, received).encryptWithAd(new Uint8Array(0), plain);
}

/** The message of a reply. Throws if it is none that a client would accept. */
export function decodeReply(bytes: Uint8Array, record: Buffer): Message {
  const { sendKey, sent } = keysOf(record);
  const message = new FrameAssembly().add(new CipherState(sendKey, sent).decrypt(bytes));
  if (typeof message === 'string') throw new Error(`a reply of flag or length ${message}`);
  const decoded = decodeMessage(message);
  if (decoded === undefined) throw new Error('a reply that does not decode');
  return decoded;
}

/** A fresh e with the mac1 that belongs to it; every fourth is a random point. */
export function anyHello(worker: LoneWorker, random: Random): Uint8Array {
  if (random() > 0.25) return worker.hello().bytes;
  const e = randomBytes(32);
  return sealedHelloJob(Buffer.concat([SEALED_PROLOGUE, e, mac1(worker.mac1Key, e)]), PEER);
}
