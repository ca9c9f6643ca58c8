// Row B72: thousands of payloads, good and bad, of which the test knows which are messages. (The official protobuf
// conformance payloads are not available here; payload-corpus.ts makes a deterministic corpus in their place.) The
// bad ones must end silently, the good ones must be answered, and nothing may throw.

import { expect, it } from 'vitest';
import { decodeMessage } from '../../src/wire/message.ts';
import { findMessage } from '../../src/wire/message-structure.ts';
import type { Dialect } from '../field/field-client.ts';
import { useTarget, withEach } from './bad-input-harness.ts';
import { expectClosed, type Moved } from './endings.ts';
import { beginsWithMessage, isMessage } from './is-message.ts';
import { mutatedPayloads, systematicPayloads } from './payload-corpus.ts';

const target = useTarget();

/** On the wire each payload is a connection, so of the systematic ones every third has to do. */
const sent = [...systematicPayloads('message').filter((_, i) => i % 3 === 0), ...mutatedPayloads(1_000)];

it.each(['tcp', 'ws'] as const)(
  '%s, chained and prefixed in turn: bad payloads end silently, good ones are answered (B72)',
  async (transport) => {
    expect(sent.length).toBeGreaterThan(1_302);
    const isAnswered = transport === 'tcp' ? beginsWithMessage : isMessage;
    const bad = sent.filter((bytes) => !isAnswered(bytes));
    expect(bad.length).toBeGreaterThan(1_302);
    expect(sent.length - bad.length).toBeGreaterThan(100);
    const moved = await target.moved(() =>
      withEach(sent, async (payload, i) => {
        const dialect: Dialect = i % 2 === 0 ? 'chained' : 'prefixed';
        const client = await target.registry.connect({ dialect, transport });
        await client.send(payload);
        if (isAnswered(payload)) await client.receive();
        else await expectClosed(client, true);
        client.close();
      }),
    );
    expect(silentOnly(moved)).toEqual({
      [transport === 'tcp' ? 'fault message-timeout' : 'fault message-undecodable']: bad.length,
    });
  },
  120_000,
);

/** Without what goes with an Error. */
function silentOnly(moved: Moved): Moved {
  const silent = /^fault (hello-|iv-|message-(too-long|undecodable|timeout|flood))/;
  return Object.fromEntries(Object.entries(moved).filter(([code]) => silent.test(code)));
}

it('the decoder itself: it never throws, and agrees on what is a message (B72)', () => {
  const all = [...systematicPayloads('message'), ...systematicPayloads('token'), ...mutatedPayloads(40_000)];
  for (const payload of all) {
    const padding = 16 - (payload.length % 16);
    const padded = Buffer.concat([payload, Buffer.alloc(padding, padding)]);
    const found = findMessage(padded, 0);
    const decoded = found?.paddedEnd === padded.length && decodeMessage(padded.subarray(0, found.end)) !== undefined;
    if (decoded !== isMessage(payload)) expect([decoded, payload.toString('hex')]).toEqual([!decoded, '']);
  }
});
