// Codes of errors: refusals by number and by text, the classes' own codes, and each exported class.
import { expect, test } from 'vitest';
import {
  ClockFault,
  EndPointUnknown,
  MemberHomeError,
  mayPass,
  NoLongerMember,
  ProtocolError,
  RegistryRefused,
  RegistryUnreachable,
  RegistryUntrusted,
  SessionCut,
  XlRegError,
} from '../../src/client/errors.ts';
import * as client from '../../src/client/index.ts';
import { refusalCode } from '../../src/client/refusal-codes.ts';
import { PeerRemoved, StreamCut, StreamRefused } from '../../src/client/streams/stream-error.ts';
import { ERROR_CODES, FAULT_TEXT, REFUSAL_TEXT, type Refusal } from '../../src/errors.ts';

test('a refusal has the same code by its number and by its text, unless texts are shared', () => {
  const differing = (Object.keys(REFUSAL_TEXT) as Refusal[]).filter((why) => {
    return refusalCode(REFUSAL_TEXT[why], ERROR_CODES[why]) !== refusalCode(REFUSAL_TEXT[why], undefined);
  });
  expect(differing).toEqual([
    'registrations-per-address',
    'clusters-per-address',
    'members-per-address',
    'clusters-per-client',
    'seats-per-client',
  ]);
});

test('every fault and refusal that has a text has a code of its own kind', () => {
  for (const [why, text] of Object.entries({ ...FAULT_TEXT, ...REFUSAL_TEXT })) {
    if (text === null) continue;
    expect(refusalCode(text, undefined), why).toMatch(why in FAULT_TEXT ? /^REFUSED_REQUEST_INVALID$/ : /^REFUSED_./);
  }
  expect(refusalCode('a text of another registry', undefined)).toBe('REFUSED');
  expect(refusalCode('cluster is full', 9_999)).toBe('REFUSED');
});

test.each([
  ['sealed tells it', 'cluster is full', { code: 22, retryable: true }, 'REFUSED_CLUSTER_FULL', true],
  ['sealed denies it', 'registry is full', { code: 28, retryable: false }, 'REFUSED_CLIENT_LIMIT', false],
  [
    'an older registry denies it',
    'cannot find cluster with this name',
    { code: 20, retryable: false },
    'REFUSED_CLUSTER_UNKNOWN',
    true,
  ],
  ['by ID', 'cannot find cluster with this ID', { code: 21, retryable: false }, 'REFUSED_CLUSTER_UNKNOWN', false],
  ['RSA: by name', 'cannot find cluster with this name', {}, 'REFUSED_CLUSTER_UNKNOWN', true],
  ['RSA: by ID', 'cannot find cluster with this ID', {}, 'REFUSED_CLUSTER_UNKNOWN', false],
  ['RSA: full', 'cluster is full', {}, 'REFUSED_CLUSTER_FULL', false],
  ['RSA: registry full', 'registry is full', {}, 'REFUSED_REGISTRY_FULL', true],
  ['RSA: cannot store', 'registry cannot store', {}, 'REFUSED_CANNOT_STORE', true],
  ['RSA: stopping', 'server is shutting down', {}, 'REFUSED_SHUTTING_DOWN', true],
])('a refusal is retryable by its field or by its text: %s', (_name, text, details, code, retryable) => {
  const error = new RegistryRefused(text, details);
  expect(error).toMatchObject({ text, code, retryable });
  expect(mayPass(error)).toBe(retryable);
});

test('a refusal has the remedy of its code and keeps the text of the wire', () => {
  const error = new RegistryRefused('cluster member name already in use', { code: 23 });
  expect(error).toMatchObject({ message: 'cluster member name already in use', text: error.message });
  expect(error.remedy).toContain('--home');
  expect(new RegistryRefused('a text of another registry')).not.toHaveProperty('remedy');
  const unfinished = new client.ClusterIncomplete('late', undefined, [], error);
  expect(unfinished.remedy).toBe(error.remedy);
});

test.each<[XlRegError, string, boolean]>([
  [new RegistryUnreachable('x'), 'UNREACHABLE', true],
  [new SessionCut('x'), 'SESSION_CUT', true],
  [new RegistryUntrusted('x'), 'REGISTRY_UNTRUSTED', false],
  [new ClockFault('x'), 'CLOCK_WRONG', false],
  [new ProtocolError('x'), 'PROTOCOL_VIOLATED', false],
  [new EndPointUnknown('x'), 'END_POINT_UNKNOWN', false],
  [new MemberHomeError('x'), 'HOME_UNUSABLE', false],
  [new NoLongerMember('x'), 'MEMBERSHIP_LOST', false],
  [new client.RegCredError('x'), 'CREDENTIALS_INVALID', false],
  [new client.SavedRosterError('older', 'x'), 'ROSTER_OLDER', false],
  [new StreamRefused('unreachable', 'x'), 'STREAM_UNREACHABLE', true],
  [new StreamCut('x'), 'STREAM_CUT', true],
  [new PeerRemoved('x'), 'STREAM_PEER_REMOVED', false],
])('%s has its code', (error, code, retryable) => {
  expect(error).toBeInstanceOf(XlRegError);
  expect(error).toMatchObject({ code, retryable });
});

test('every error class that the library exports is an XlRegError', () => {
  const prototypes = Object.values(client).flatMap((value): unknown[] =>
    typeof value === 'function' ? [value.prototype] : [],
  );
  const errors = prototypes.filter((prototype) => prototype instanceof Error);
  expect(errors.length).toBeGreaterThan(10);
  expect(
    errors.filter((prototype) => prototype !== XlRegError.prototype && !(prototype instanceof XlRegError)),
  ).toEqual([]);
});

test('an error keeps its cause', () => {
  const cause = new Error('behind it');
  for (const Kind of [RegistryUnreachable, RegistryUntrusted, ProtocolError, MemberHomeError, NoLongerMember]) {
    expect(new Kind('x', { cause }).cause).toBe(cause);
  }
});
