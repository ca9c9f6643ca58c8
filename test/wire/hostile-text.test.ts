// Readers of text from peers, proxies, files and flags: their cost is proportional to the text's length.
import { describe, expect, it } from 'vitest';
import { isCidr, Networks, normalizeAddress } from '../../src/admission/ip-address.ts';
import { readCommandLine } from '../../src/cli/client-flags.ts';
import { escapeText } from '../../src/client/escape-text.ts';
import { targetsOf } from '../../src/client/target.ts';
import { readConfig } from '../../src/config.ts';
import { forwardedFor } from '../../src/net/forwarded.ts';
import { isStoreName } from '../../src/store/open-store.ts';
import { isEndPoint } from '../../src/wire/member-token.ts';
import { isName } from '../../src/wire/name.ts';
import { parseSshRsa } from '../../src/wire/rsa-key.ts';
import { parseVersion } from '../../src/wire/version.ts';
import { fastest } from './fastest.ts';

const trust = { forwarded: new Networks(['0.0.0.0/0']), xForwardedFor: new Networks([]) };
const forwardedTrust = { forwarded: new Networks([]), xForwardedFor: new Networks(['0.0.0.0/0']) };
const ignoringErrors = (read: (text: string) => unknown) => (text: string) => {
  try {
    return read(text);
  } catch {
    return undefined;
  }
};
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  Forwarded: (text) => forwardedFor('10.0.0.1', trust, () => text),
  'Forwarded, for=': (text) => forwardedFor('10.0.0.1', trust, () => `for=${text}`),
  'Forwarded, quoted': (text) => forwardedFor('10.0.0.1', trust, () => `for="${text}`),
  'X-Forwarded-For': (text) => forwardedFor('10.0.0.1', forwardedTrust, () => text),
  'an address': normalizeAddress,
  'a network': isCidr,
  'a name': isName,
  'an end point': isEndPoint,
  'a version': parseVersion,
  'an SSH key': parseSshRsa,
  'an SSH key with a comment': (text) => parseSshRsa(`ssh-rsa ${text}`),
  'a text that is printed': escapeText,
  'a store': (text) => isStoreName(`etcd:${text}`),
  'an address to connect to': ignoringErrors((connect) =>
    targetsOf({ endPoints: [] }, { connect, transport: undefined }),
  ),
  'a WebSocket URL': ignoringErrors((path) =>
    targetsOf({ endPoints: [] }, { connect: `ws://${path}`, transport: 'ws' }),
  ),
  'a fingerprint': ignoringErrors((text) =>
    readCommandLine(['--fingerprint', `${'A'.repeat(43)}${text}`], { positionals: [], options: {} }),
  ),
  'a listen address': ignoringErrors((text) => readConfig(['--tcp', text], {})),
  'an etcd prefix': ignoringErrors((text) => readConfig(['--etcd-prefix', text], {})),
};
const UNITS = [
  ' ',
  'a',
  '1',
  '=',
  '"',
  '" ',
  'a.',
  '1.',
  ':',
  '::',
  '[',
  ']',
  'a/',
  ',',
  ';',
  '-',
  '\t ',
  '\r\n',
  '\\',
  'A=',
];

describe.each(Object.keys(READERS))('%s', (name) => {
  it('takes time proportional to its length', () => {
    const read = READERS[name]!;
    for (const unit of UNITS) {
      const text = (length: number) => `${unit.repeat(length / unit.length)}\0`;
      const [small, large] = [text(4_000), text(64_000)];
      const [one, sixteen] = [fastest(6, () => read(small)), fastest(6, () => read(large))];
      // For 16 times the length, linear costs 16 times as much, with its garbage up to 80, and quadratic 256 times. A
      // tenth of a millisecond is noise.
      expect(sixteen, JSON.stringify(unit)).toBeLessThan(Math.max(120 * one, 0.1));
    }
  });
});
