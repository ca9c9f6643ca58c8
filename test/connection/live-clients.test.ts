// One client ID in two places: noticed while both are in use, and forgotten when one is left.
import { expect, it } from 'vitest';
import { LiveClients } from '../../src/connection/live-clients.ts';
import { LEFT_CLIENTS_MAX } from '../../src/limits.ts';

const [HERE, THERE] = [1, 2];

function seen() {
  const twins: string[] = [];
  return { twins, clients: new LiveClients((clientId) => twins.push(clientId)) };
}

it('reports a client once while both places are in use', () => {
  const { twins, clients } = seen();
  const first = clients.identified('a', HERE);
  clients.identified('a', THERE);
  expect(clients.hasTwin('a')).toBe(false);
  clients.active(first);
  clients.active(first);
  expect({ twins, marked: clients.hasTwin('a') }).toEqual({ twins: ['a'], marked: true });
});

it('still knows the older place after the newer one has gone', () => {
  const { twins, clients } = seen();
  const first = clients.identified('a', HERE);
  const second = clients.identified('a', THERE);
  clients.active(first);
  clients.ended(second);
  expect(clients.hasTwin('a')).toBe(false);
  const third = clients.identified('a', THERE);
  clients.active(first);
  expect({ twins, marked: clients.hasTwin('a') }).toEqual({ twins: ['a', 'a'], marked: true });
  clients.ended(first);
  expect(clients.hasTwin('a')).toBe(false);
  clients.ended(third);
  expect(clients.identified('a', HERE)).toMatchObject({ sessions: 1, replaces: undefined, twin: false });
});

it('counts sessions with the same end points as one place', () => {
  const { twins, clients } = seen();
  const first = clients.identified('a', HERE);
  expect(clients.identified('a', HERE)).toBe(first);
  clients.ended(first);
  clients.identified('a', THERE);
  clients.active(first);
  expect(twins).toEqual(['a']);
});

it('knows the last address of a connected client, and of the LEFT_CLIENTS_MAX that left last', () => {
  const { clients } = seen();
  const first = clients.identified('a', HERE, '192.0.2.1');
  clients.identified('a', HERE, '192.0.2.2');
  expect(clients.addressOf('a')).toBe('192.0.2.2');
  clients.ended(first);
  clients.ended(first);
  expect(clients.addressOf('a')).toBe('192.0.2.2');
  for (let at = 0; at < LEFT_CLIENTS_MAX; at++) clients.ended(clients.identified(`b${at}`, HERE, '192.0.2.3'));
  expect(clients.addressOf('a')).toBeUndefined();
  expect(clients.addressOf('b0')).toBe('192.0.2.3');
});
