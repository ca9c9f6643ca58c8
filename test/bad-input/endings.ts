// How a connection must end after bad input, and which fault or refusal the registry must count.

import { performance } from 'node:perf_hooks';
import { expect } from 'vitest';
import type { Fault, Refusal } from '../../src/errors.ts';
import type { FieldClient } from '../field/field-client.ts';
import type { FieldConnection, Transport } from '../field/field-connection.ts';
import { type FieldMessage, OP } from '../field/protobuf.ts';

/** The registry's partial-message timeout in these tests, in milliseconds. */
export const PARTIAL_MS = 150;

/** A label of `xlreg_faults_total` or `xlreg_refusals_total`. */
export type Counted = `fault ${Fault}` | `refusal ${Refusal}`;
export type Counts = Readonly<Partial<Record<Counted, number>>>;

/** The Error texts (E4), and the fault or refusal counted with each. */
export const COUNTED_WITH = {
  'message tag out of range': 'fault tag-out-of-range',
  'unexpected message type': 'fault message-of-registry',
  'invalid msg type for current state': 'fault message-in-wrong-state',
  'salt must be at least 8 bytes': 'fault salt-too-short',
  'nil XLRegMsg_Token argument': 'fault token-missing',
  'invalid name': 'fault name-invalid',
  'bad length for nodeID': 'fault node-id-length',
  'bad RSA public key': 'fault rsa-key-invalid',
  'invalid endpoint': 'fault end-point-invalid',
  'bad digital signature': 'fault signature-invalid',
  'cluster members must have at least one endPoint': 'fault end-point-count-zero',
  'missing cluster name or ID': 'fault cluster-not-named',
  'ID already in use': 'refusal id-in-use',
  'client unknown, not in registry': 'refusal client-unknown',
  'cannot find cluster with this name': 'refusal cluster-name-unknown',
  'cannot find cluster with this ID': 'refusal cluster-id-unknown',
  'cluster is full': 'refusal cluster-full',
  'cluster member name already in use': 'refusal member-name-in-use',
  'member must have at least 1 endPoints': 'refusal one-end-point-needed',
  'member must have at least 2 endPoints': 'refusal two-end-points-needed',
} as const satisfies Record<string, Counted>;

/** How a connection must end. */
export type Ending =
  | { readonly kind: 'silent'; readonly fault: Readonly<Record<Transport, Fault>> }
  | { readonly kind: 'error'; readonly text: keyof typeof COUNTED_WITH }
  | { readonly kind: 'served'; readonly op: number; readonly check?: (reply: FieldMessage) => void };

/** A silent close that counts this fault. */
export const silent = (fault: Fault): Ending => ({ kind: 'silent', fault: { tcp: fault, ws: fault } });

/** Bytes that are no message. TCP cannot tell and closes at the partial-message deadline; WebSocket closes at once. */
export const NOT_A_MESSAGE: Ending = {
  kind: 'silent',
  fault: { tcp: 'message-timeout', ws: 'message-undecodable' },
};

/** An Error with this text, then the close. */
export const errorReply = (text: keyof typeof COUNTED_WITH): Ending => ({ kind: 'error', text });

/** A reply of this Op. */
export const served = (op: number, check?: (reply: FieldMessage) => void): Ending => ({
  kind: 'served',
  op,
  ...(check && { check }),
});

/** The fault or refusal counted for a connection that ends so. */
export function countedFor(ending: Ending, transport: Transport): Counted | undefined {
  if (ending.kind === 'served') return undefined;
  return ending.kind === 'error' ? COUNTED_WITH[ending.text] : `fault ${ending.fault[transport]}`;
}

/** Sends bytes, and asserts how the connection ends. */
export async function expectEnding(client: FieldClient, bytes: Uint8Array, ending: Ending): Promise<void> {
  const sent = performance.now();
  await client.sendRaw(bytes);
  if (ending.kind === 'served') {
    const reply = await client.receive();
    expect(reply).toMatchObject({ op: ending.op });
    ending.check?.(reply);
    if (ending.op !== OP.Ack) return;
  }
  if (ending.kind === 'error') {
    expect(await client.receive()).toEqual({ op: OP.Error, errDesc: ending.text, tokens: [] });
  }
  await expectClosed(client, ending.kind === 'silent');
  const waits = ending.kind === 'silent' && ending.fault[client.transport] === 'message-timeout';
  if (waits) expect(performance.now() - sent).toBeGreaterThan(PARTIAL_MS * 0.9);
}

/** Waits for the registry's close, with no byte before it; a silent one has no WebSocket close frame. */
export async function expectClosed(client: FieldConnection, silently: boolean): Promise<void> {
  const { bytes, ...how } = await client.waitClosed();
  expect(bytes.toString('hex')).toBe('');
  const kind = client.transport === 'tcp' ? { kind: 'fin' } : { kind: 'ws-close', wsCode: silently ? 1006 : 1000 };
  expect(how).toEqual(kind);
}
