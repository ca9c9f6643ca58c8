// Thousands of good and bad payloads: row B72. Bad ones must end in a silent close, good ones must get a reply, and the
// decoder must never throw. payload-corpus.ts replaces protobuf's official conformance payloads.

import { expect, it } from 'vitest';
import { decodeMessage } from '../../src/wire/message.ts';
import { findMessage } from '../../src/wire/message-structure.ts';
import type { Dialect } from '../field/field-client.ts';
import { THOROUGH } from '../support/thorough.ts';
import { useTarget, withEach } from './bad-input-harness.ts';
import { type Counts, expectClosed } from './endings.ts';
import { beginsWithMessage, isMessage } from './is-message.ts';
import { mutatedPayloads, systematicPayloads } from './payload-corpus.ts';

const target = useTarget();

/** Each payload takes a connection, so only every third systematic one is sent, and in a short run over one transport. */
const chosen = [...systematicPayloads('message').filter((_, i) => i % 3 === 0), ...mutatedPayloads(1_000)];

it.each(['tcp', 'ws'] as const)(
  '%s, both dialects: closes in silence at bad payloads and answers good ones (B72)',
  async (transport) => {
    const sent = THOROUGH ? chosen : chosen.filter((_, i) => i % 2 === Number(transport === 'ws'));
    const isAnswered = transport === 'tcp' ? beginsWithMessage : isMessage;
    const bad = sent.filter((bytes) => !isAnswered(bytes));
    expect(bad.length).toBeGreaterThan(THOROUGH ? 1_302 : 651);
    expect(sent.length - bad.length).toBeGreaterThan(50);
    const counted = await target.countedDuring(() =>
      withEach(sent, async (payload, i) => {
        const dialect: Dialect = i % 2 === 0 ? 'chained' : 'prefixed';
        const client = await target.registry.connect({ dialect, transport });
        await client.send(payload);
        if (isAnswered(payload)) await client.receive();
        else await expectClosed(client, true);
        client.close();
      }),
    );
    expect(silentOnly(counted)).toEqual({
      [transport === 'tcp' ? 'fault message-timeout' : 'fault message-undecodable']: bad.length,
    });
  },
  120_000,
);

/** Drops the faults that an Error reports. */
function silentOnly(counted: Counts): Counts {
  const silent = /^fault (hello-|iv-|message-(too-long|undecodable|timeout|flood))/;
  return Object.fromEntries(Object.entries(counted).filter(([code]) => silent.test(code)));
}

it('never throws in the decoder, which agrees on what is a message (B72)', () => {
  const all = [
    ...systematicPayloads('message'),
    ...systematicPayloads('token'),
    ...mutatedPayloads(THOROUGH ? 40_000 : 10_000),
  ];
  for (const payload of all) {
    const padding = 16 - (payload.length % 16);
    const padded = Buffer.concat([payload, Buffer.alloc(padding, padding)]);
    const found = findMessage(padded, 0);
    const decoded = found?.paddedEnd === padded.length && decodeMessage(padded.subarray(0, found.end)) !== undefined;
    if (decoded !== isMessage(payload)) expect([decoded, payload.toString('hex')]).toEqual([!decoded, '']);
  }
});
