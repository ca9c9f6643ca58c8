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

it.each([
  ['', 'has no host'],
  [':4001', 'has no host'],
  ['host', 'has no port'],
  ['[::1]', 'has no port'],
  ['host:', 'has no port'],
  ['host:0', 'has no port from 1 to 65535'],
  ['host:65536', 'has no port from 1 to 65535'],
  ['host:http', 'has no port from 1 to 65535'],
  ['::1:4001', 'has several colons: put an IPv6 address in brackets'],
  ['[::1:4001', 'has no closing bracket'],
  ['host:4001 ', 'has a space in it'],
  ['[127.0.0.1]:1', 'has no IPv6 address in its brackets'],
  ['[fe80::1%eth0]:1', 'has no IPv6 address in its brackets'],
  ['1.2.3.256:1', 'has no valid IPv4 address'],
  ['-host:1', 'has no valid host name'],
  ['http://host:1', 'is a URL'],
  [`${'h'.repeat(300)}:1`, 'has more than'],
])('refuses "%s": it %s (T5)', (text, why) => {
  expect(() => parseEndPoint(text)).toThrow(TypeError);
  expect(() => parseEndPoint(text)).toThrow(`" ${why}`);
  expect(() => parseEndPoint(text)).toThrow('right are 192.0.2.7:4001');
});
