// parseEndPoint takes what T5 allows, and nothing else.
import { expect, it } from 'vitest';
import { parseEndPoint } from '../../src/client/index.ts';

it.each([
  ['127.0.0.1:4001', '127.0.0.1', 4001],
  ['TcpEndPoint: node-1.example:65535', 'node-1.example', 65_535],
  ['[2001:db8::1]:1', '2001:db8::1', 1],
  ['TcpEndPoint: [::]:4002', '::', 4002],
  ['auto:4001', 'auto', 4001],
])('parses %s (T5)', (text, host, port) => {
  expect(parseEndPoint(text)).toEqual({ host, port });
});

it.each(['', 'host', 'host:0', 'host:65536', '::1:4001', '[::1]', 'host:4001 ', '[fe80::1%eth0]:1', '1.2.3.256:1'])(
  'refuses "%s" (T5)',
  (text) => {
    expect(() => parseEndPoint(text)).toThrow(TypeError);
  },
);
