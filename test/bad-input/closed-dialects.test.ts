// Hellos of dialects that a registry does not serve: rows B156 to B158.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../src/errors.ts';
import { encryptHello } from '../field/field-client.ts';
import type { Transport } from '../field/field-connection.ts';
import { FieldRegistry } from '../field/field-registry.ts';
import { PROLOGUE, SealedClient } from '../field/sealed/sealed-client.ts';
import { withEach } from './bad-input-harness.ts';
import { expectClosed } from './endings.ts';

const HELLO_MS = 1_000;
const TRANSPORTS: readonly Transport[] = ['tcp', 'ws'];
/** Bytes of a decrypted Hello. */
const [CHAINED, PREFIXED] = [60, 44];

/** A registry that serves these dialects only. */
class Serving {
  #registry: FieldRegistry | undefined;

  constructor(dialects: string) {
    beforeAll(async () => {
      const args = ['--dialects', dialects, '--hello-timeout-ms', `${HELLO_MS}`];
      this.#registry = await FieldRegistry.start({ args });
    });
    afterAll(async () => {
      expect(await this.#registry!.stop()).toBe(0);
    });
  }

  get registry(): FieldRegistry {
    return this.#registry!;
  }

  open(transport: Transport): Promise<SealedClient> {
    const { process, file } = this.registry;
    return SealedClient.open({
      ...{ transport, port: transport === 'tcp' ? process.tcpPort : process.wsPort },
      registry: file,
    });
  }

  /** An RSA Hello of this plaintext length. */
  rsaHello(bytes: number): Buffer {
    return encryptHello(randomBytes(bytes), this.registry.file.commsKey);
  }

  async #count(fault: Fault): Promise<number> {
    const line = new RegExp(`^xlreg_faults_total\\{fault="${fault}"\\} (\\d+)$`, 'm');
    return Number(line.exec(await this.registry.process.metrics())![1]);
  }

  /** Asserts that each of these first bytes ends in the silent close, and how many faults of this kind are counted. */
  async refuse(transport: Transport, hellos: readonly Uint8Array[], fault: Fault): Promise<void> {
    const before = await this.#count(fault);
    await withEach(hellos, async (bytes) => {
      const client = await this.open(transport);
      await client.sendRaw(bytes);
      await expectClosed(client, true);
      client.close();
    });
    expect((await this.#count(fault)) - before).toBe(hellos.length);
  }
}

/** A whole session in the sealed dialect; returns the flags of its certificate. */
async function sealedFlags(serving: Serving, transport: Transport): Promise<number> {
  const client = await serving.open(transport);
  await client.sendRaw(client.buildHello());
  const { cert } = await client.receiveReply();
  await client.bye();
  return cert.flags;
}

describe('a registry of sealed alone', () => {
  const serving = new Serving('sealed');

  it.each(TRANSPORTS)('closes in silence over %s at the first byte of another Hello (B156)', async (transport) => {
    const differing = Array.from(PROLOGUE.keys(), (at) => {
      return Buffer.concat([PROLOGUE.subarray(0, at), Buffer.of(PROLOGUE[at]! ^ 1)]);
    });
    const hellos = [CHAINED, PREFIXED].map((bytes) => serving.rsaHello(bytes));
    await serving.refuse(transport, [...differing, ...hellos], 'hello-dialect-off');
    expect(await sealedFlags(serving, transport)).toBe(1);
  });
});

describe('a registry without sealed', () => {
  const serving = new Serving('chained,prefixed');

  it.each(TRANSPORTS)('takes a sealed Hello over %s for the beginning of an RSA one (B157)', async (transport) => {
    const builder = await serving.open(transport);
    const hello = builder.buildHello();
    builder.close();
    await serving.refuse(transport, [hello], transport === 'tcp' ? 'hello-timeout' : 'hello-length');
    const padded = Buffer.concat([hello, randomBytes(192)]);
    await serving.refuse(transport, [padded], 'hello-undecryptable');
    await (await serving.registry.connect({ dialect: 'chained', transport })).bye();
  });
});

describe('a registry without one RSA dialect', () => {
  const serving = new Serving('prefixed,sealed');

  it.each(TRANSPORTS)('refuses its Hello over %s like one that does not decrypt (B158)', async (transport) => {
    await serving.refuse(transport, [serving.rsaHello(CHAINED)], 'hello-plaintext-length');
    await (await serving.registry.connect({ dialect: 'prefixed', transport })).bye();
    expect(await sealedFlags(serving, transport)).toBe(0);
  });
});
