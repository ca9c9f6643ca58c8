// The second implementation of Noise against the public vectors.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { curvePair, Handshake } from './noise.ts';

interface Vector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_static?: string;
  readonly init_ephemeral: string;
  readonly init_remote_static?: string;
  readonly resp_static: string;
  readonly resp_ephemeral: string;
  readonly handshake_hash: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const file = new URL('../../vectors/noise/nx-ik-25519-aesgcm-sha256.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

it.each(vectors)('reproduces the public vector of $protocol_name', (vector) => {
  const pattern = vector.protocol_name.includes('_IK_') ? 'IK' : 'NX';
  const prologue = hex(vector.init_prologue);
  const initiator = new Handshake({
    ...{ pattern, initiator: true, prologue, e: curvePair(hex(vector.init_ephemeral)) },
    ...(vector.init_static === undefined ? {} : { s: curvePair(hex(vector.init_static)) }),
    ...(vector.init_remote_static === undefined ? {} : { rs: hex(vector.init_remote_static) }),
  });
  const responder = new Handshake({
    ...{ pattern, initiator: false, prologue },
    ...{ s: curvePair(hex(vector.resp_static)), e: curvePair(hex(vector.resp_ephemeral)) },
  });
  const [first, second, ...transport] = vector.messages;
  const message1 = initiator.write(hex(first!.payload));
  expect(message1.toString('hex')).toBe(first!.ciphertext);
  expect(responder.read(message1).toString('hex')).toBe(first!.payload);
  const message2 = responder.write(hex(second!.payload));
  expect(message2.toString('hex')).toBe(second!.ciphertext);
  expect(initiator.read(message2).toString('hex')).toBe(second!.payload);
  for (const side of [initiator, responder]) expect(side.h.toString('hex')).toBe(vector.handshake_hash);
  const ours = initiator.split();
  const theirs = responder.split();
  transport.forEach(({ payload, ciphertext }, at) => {
    const [from, to] = at % 2 === 0 ? [ours, theirs] : [theirs, ours];
    const sealed = from.send.encrypt(hex(payload));
    expect(sealed.toString('hex')).toBe(ciphertext);
    expect(to.receive.decrypt(sealed).toString('hex')).toBe(payload);
  });
});
