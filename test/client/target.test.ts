// The targets to connect to, from the credentials and the caller's options.
import { expect, it } from 'vitest';
import { printTarget, type TargetOptions, targetsOf } from '../../src/client/target.ts';

const endPoints = ['registry.example:1', 'TcpEndPoint: [::1]:2', '127.0.0.1:3'];

it.each<{ options: TargetOptions; targets: readonly string[] }>([
  { options: {}, targets: ['registry.example:1', '[::1]:2', '127.0.0.1:3'] },
  { options: { transport: 'tcp' }, targets: ['registry.example:1', '[::1]:2', '127.0.0.1:3'] },
  { options: { connect: '[fe80::1]:4' }, targets: ['[fe80::1]:4'] },
  { options: { connect: 'ws://h:5' }, targets: ['ws://h:5/xlreg'] },
  { options: { connect: 'wss://[::1]:5/behind/a/proxy' }, targets: ['wss://[::1]:5/behind/a/proxy'] },
  { options: { transport: 'ws', connect: '[::1]:6' }, targets: ['ws://[::1]:6/xlreg'] },
  { options: { connect: ['wss://h', 'h:5', 'wss://h/xlreg', 'g:5'] }, targets: ['wss://h/xlreg', 'h:5', 'g:5'] },
])('derives the targets from $options', ({ options, targets }) => {
  expect(targetsOf({ endPoints }, options).map(printTarget)).toEqual(targets);
});

it('strips the brackets of an IPv6 end point', () => {
  expect(targetsOf({ endPoints }, {})[1]).toEqual({ transport: 'tcp', host: '::1', port: 2 });
});

it('takes the first 64 end points', () => {
  const many = Array.from({ length: 100 }, (_, i) => `10.0.0.1:${i + 1}`);
  expect(targetsOf({ endPoints: many }, {}).map(printTarget)).toEqual(many.slice(0, 64));
});
