// Messages that every state serves, and the identification of clients: salts, RegCredRequest, Bye and Client (M11, S6,
// R12, T1 to T12).

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { step } from '../../src/session/step.ts';
import { signToken } from '../../src/wire/member-token.ts';
import { bigintOf, decodeRoster, longOf, type Message, Op } from '../../src/wire/message.ts';
import { answered, join, memberSk, NO_ID, newTable, REGISTRY_ID, serve, why, withClient } from '../pool/serving.ts';
import { arbitraryMessage } from '../wire/arbitrary-messages.ts';
import { bytes, fieldsOf, privateKey, vectors } from '../wire/vectors.ts';
import { anonymous, CLIENT_ID, contextOf, identified } from './sessions.ts';

describe('salts', () => {
  const sessions = [anonymous, identified] as const;
  it.each([0, 1, 7])('refuses a salt of %i bytes in every message and state (M11)', (length) => {
    for (const session of sessions) {
      for (const op of [Op.RegCredRequest, Op.Client, Op.Create, Op.Join, Op.GetCluster, Op.Bye]) {
        for (const name of ['Salt1', 'Salt2'] as const) {
          const message = { Op: op, Salt1: Buffer.alloc(8), [name]: Buffer.alloc(length) };
          expect(step(session, op, message, contextOf(1))).toEqual({ kind: 'refused', why: 'salt-too-short' });
        }
      }
    }
  });

  it.each([8, 9, 1_000])('accepts a salt of %i bytes (M11)', (length) => {
    const message = { Op: Op.Bye, Salt1: Buffer.alloc(length), Salt2: Buffer.alloc(length) };
    for (const session of sessions) expect(step(session, Op.Bye, message, contextOf(1)).kind).toBe('answer');
  });
});

describe('RegCredRequest and Bye', () => {
  it("replies with the registry's version and token (S6)", () => {
    const { message, session, end } = answered(serve(newTable(), anonymous, { Op: 1 }));
    expect(fieldsOf(message)).toEqual({ Op: 2, Version: 1, ClientSpecs: vectors.tokens.at(-1)!.fields });
    expect([session, end]).toEqual([anonymous, undefined]);
  });

  it('answers Bye with Ack in either state, whatever fields it carries (R12)', () => {
    fc.assert(
      fc.property(arbitraryMessage, fc.constantFrom(anonymous, identified), (message, session) => {
        const bye = { ...message, Op: Op.Bye, Salt1: null, Salt2: null };
        const { message: reply, end } = answered(serve(newTable(), session, bye));
        expect(fieldsOf(reply)).toEqual({ Op: 12 });
        expect(end).toBe('bye');
      }),
    );
  });
});

describe('Client', () => {
  const table = () => newTable();
  const client = (message: Message, of = table()) => serve(of, anonymous, { Op: Op.Client, ...message });

  it('assigns an ID of 32 bytes in place of an absent one, and returns the attrs (T3, T12)', () => {
    const { message, session } = answered(client({ ClientSpecs: NO_ID }));
    expect(fieldsOf(message)).toEqual({ Op: 4, ClientID: '01'.repeat(32), ClientAttrs: '2' });
    expect(session).toMatchObject({ state: 'identified', clientId: '01'.repeat(32), rosterFrom: 0 });
  });

  it.each([20, 32])('keeps an ID of %i bytes (T3)', (length) => {
    const ID = bytes(CLIENT_ID).subarray(0, length);
    const { message } = answered(client({ ClientSpecs: signToken({ ...NO_ID, ID }, memberSk) }));
    expect(fieldsOf(message).ClientID).toBe(ID.toString('hex'));
  });

  it('returns absent attrs as zero, and 64-bit attrs unchanged (T12)', () => {
    for (const attrs of [0n, 2n ** 64n - 1n]) {
      const token = signToken({ ...NO_ID, Attrs: attrs === 0n ? null : longOf(attrs) }, memberSk);
      expect(bigintOf(answered(client({ ClientSpecs: token })).message.ClientAttrs)).toBe(attrs);
    }
  });

  it('refuses a Client with neither token nor ID (T1)', () => {
    expect(why(client({}))).toBe('token-missing');
    expect(why(client({ DigSig: Buffer.alloc(256), ClientName: 'x' }))).toBe('token-missing');
  });

  it('ignores ClientID where there is a token (T1)', () => {
    expect(why(client({ ClientSpecs: {}, ClientID: bytes(CLIENT_ID) }))).toBe('name-invalid');
    expect(answered(client({ ClientSpecs: NO_ID, ClientID: Buffer.alloc(3) })).message.Op).toBe(Op.ClientOK);
  });

  it('checks a Client by ID for bad length, unknown ID, bad signature, in this order (T10)', () => {
    const { table } = withClient();
    const { digSig, digSigOverSalt1, digSigOverIdAlone } = vectors.clientById;
    const byId = (id: string, sig?: string) =>
      client({ ClientID: bytes(id), ...(sig && { DigSig: bytes(sig) }) }, table);
    expect(why(byId('', digSig))).toBe('node-id-length');
    expect(why(byId('00'.repeat(31)))).toBe('node-id-length');
    expect(why(byId('00'.repeat(32), digSig))).toBe('client-unknown');
    expect(why(byId(CLIENT_ID.slice(0, 40), digSig))).toBe('client-unknown');
    expect(why(byId(CLIENT_ID))).toBe('signature-invalid');
    expect(why(byId(CLIENT_ID, digSigOverSalt1))).toBe('signature-invalid');
    expect(why(byId(CLIENT_ID, digSigOverIdAlone))).toBe('signature-invalid');
  });

  it('identifies a Client by ID with a right signature over ID and salt2, and returns its attrs (T10, T12)', () => {
    const { table } = withClient();
    const message = { ClientID: bytes(CLIENT_ID), DigSig: bytes(vectors.clientById.digSig) };
    const { message: reply, session } = answered(client(message, table));
    expect(fieldsOf(reply)).toEqual({ Op: 4, ClientID: CLIENT_ID, ClientAttrs: '2' });
    expect(session).toMatchObject({ state: 'identified', clientId: CLIENT_ID });
  });

  it("refuses a Client by ID signed over another session's salt2 (T10)", () => {
    const { table } = withClient();
    const message = { Op: Op.Client, ClientID: bytes(CLIENT_ID), DigSig: bytes(vectors.clientById.digSig) };
    expect(why(serve(table, { ...anonymous, salt2: Buffer.alloc(8) }, message))).toBe('signature-invalid');
  });

  it('refuses the ID of the registry, of a cluster, and of zeros (T11)', () => {
    const { table, session } = withClient();
    const created = answered(serve(table, session, { Op: Op.Create, ClusterName: 'c' }, 9));
    const clusterId = Buffer.from(created.message.ClusterID!).toString('hex');
    for (const id of [REGISTRY_ID, clusterId, '00'.repeat(32), '00'.repeat(20)]) {
      const token = signToken({ ...NO_ID, ID: bytes(id) }, memberSk);
      expect(why(client({ ClientSpecs: token }, table))).toBe('id-in-use');
    }
  });

  it('binds an ID to its SigKey, and replaces its token (T11)', () => {
    const { table } = withClient();
    const stranger = signToken(
      { ...NO_ID, ID: bytes(CLIENT_ID), SigKey: bytes(vectors.keys.memberCk.spki) },
      privateKey('memberCk'),
    );
    expect(why(client({ ClientSpecs: stranger }, table))).toBe('id-in-use');
    join(table, 'renamed', [], CLIENT_ID);
    const found = table.apply({ kind: 'find-client', clientId: CLIENT_ID }, 0).reply;
    expect(found.kind === 'client' && decodeRoster(found.token)[0]!.Name).toBe('renamed');
  });

  it('makes a client ephemeral by bit 1 of attrs alone (T9)', () => {
    for (const attrs of [0n, 1n, 2n, 4n, 5n, 2n ** 63n + 1n]) {
      const token = signToken({ ...NO_ID, Attrs: longOf(attrs) }, memberSk);
      const next = step(anonymous, Op.Client, { Op: Op.Client, ClientSpecs: token }, contextOf(1));
      const command = next.kind === 'question' && next.command;
      expect(command && command.kind === 'register' && command.ephemeral).toBe((attrs & 1n) === 1n);
    }
  });

  it('keeps a roster token with its ID and without DigSig (R10)', () => {
    const { table } = withClient();
    const found = table.apply({ kind: 'find-client', clientId: CLIENT_ID }, 0).reply;
    const [token] = decodeRoster(found.kind === 'client' ? found.token : new Uint8Array(0));
    expect(Buffer.from(token!.ID!).toString('hex')).toBe(CLIENT_ID);
    expect(token!.DigSig?.length ?? 0).toBe(0);
  });
});
