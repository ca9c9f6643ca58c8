// Settings: the sources of each, and a message that names every bad one.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, readConfig, SETTING_NAMES } from '../../src/config.ts';
import { canSharePorts } from '../../src/runtime/port-sharing.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xlreg-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
/** `--config` with a file of these contents. */
function configFile(contents: unknown): string[] {
  const path = join(folder, `${++files}.json`);
  writeFileSync(path, typeof contents === 'string' ? contents : JSON.stringify(contents));
  return ['--config', path];
}

/** The environment variable of a setting. */
function variable(name: string, value: string): Record<string, string> {
  return { [`XLREG_${name.toUpperCase().replaceAll('-', '_')}`]: value };
}

/** The setting's name in code. */
function camel(name: string): string {
  const [first, ...rest] = name.split('-');
  return [first, ...rest.map((word) => word[0]!.toUpperCase() + word.slice(1))].join('');
}

function settingOf(name: string, args: readonly string[], environment: Record<string, string> = {}): unknown {
  const config: Readonly<Record<string, unknown>> = readConfig(args, environment);
  return config[camel(name)];
}

/** The message of the ConfigError that these settings cause. */
function complaint(args: readonly string[], environment: Record<string, string> = {}): string {
  try {
    readConfig(args, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as Error;
    expect(message).not.toContain('\n');
    return message;
  }
  throw new Error(`no complaint about ${args.join(' ')} ${JSON.stringify(environment)}`);
}

/** A setting's default, good texts with their values, and bad texts. */
interface Samples {
  readonly byDefault: unknown;
  readonly good: readonly (readonly [text: string, meaning: unknown])[];
  readonly bad: readonly string[];
}

const address = (byDefault: string): Samples => {
  const [host, port] = byDefault.split(':');
  return {
    byDefault: { host, port: Number(port) },
    good: [
      ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
      ['[::1]:65535', { host: '::1', port: 65_535 }],
      ['off', undefined],
    ],
    bad: ['', '1', ':1', 'a', 'a:', 'a:b', 'a:65536', 'a:-1', '::1:80', '[::1]', 'a b:1', 'a:1 ', 'Off', 'http://a:1'],
  };
};
const milliseconds = (byDefault: number | undefined): Samples => ({
  byDefault,
  good: [
    ['1', 1],
    ['250', 250],
    ['86400000', 86_400_000],
  ],
  bad: ['', '0', '-1', '1.5', '86400001', 'x', '5s', 'NaN', 'Infinity'],
});

/** A certificate file and its key file. */
const certificateFiles: Samples = {
  byDefault: undefined,
  good: [
    ['a.pem,b.pem', { cert: 'a.pem', key: 'b.pem' }],
    ['/a b/c,/d', { cert: '/a b/c', key: '/d' }],
    ['off', undefined],
  ],
  bad: ['', 'a.pem', 'a.pem,', ',b.pem', 'a,b,c', 'Off'],
};

/** Networks, separated by commas. */
const networks = (byDefault: readonly string[]): Samples => ({
  byDefault,
  good: [
    ['10.0.0.0/8', ['10.0.0.0/8']],
    ['fd00::/8,192.0.2.1/32', ['fd00::/8', '192.0.2.1/32']],
    ['off', []],
  ],
  bad: [
    '',
    '10.0.0.1',
    '10.0.0.0/33',
    '::/129',
    'a/8',
    '10.0.0.0/8,',
    '10.0.0.0/8, ::1/128',
    '::ffff:10.0.0.0/104',
    'Off',
  ],
});

/** A whole number from `least` to `most`. */
const whole = (byDefault: number | undefined, least: number, most: number): Samples => ({
  byDefault,
  good: [least, least + 1, most].map((value) => [`${value}`, value]),
  bad: ['', `${least - 1}`, `${most + 1}`, '-1', `${least}.5`, `${least}s`, '1e9', 'x', 'off', 'Infinity'],
});

const SETTINGS: Readonly<Record<string, Samples>> = {
  'data-dir': {
    byDefault: './xlreg-data',
    good: [
      ['/tmp/a', '/tmp/a'],
      ['b', 'b'],
      ['c d', 'c d'],
    ],
    bad: [''],
  },
  name: {
    byDefault: 'xlReg',
    good: [
      ['a', 'a'],
      ['__proto__', '__proto__'],
      ['x'.repeat(128), 'x'.repeat(128)],
    ],
    bad: ['', '-a', '.a', 'a b', 'é', 'x'.repeat(129)],
  },
  tcp: address('0.0.0.0:56789'),
  ws: address('0.0.0.0:56790'),
  admin: address('127.0.0.1:56791'),
  health: { ...address('127.0.0.1:1'), byDefault: undefined },
  advertise: {
    byDefault: undefined,
    good: [
      ['a.example:1', ['a.example:1']],
      ['10.0.0.1:65535', ['10.0.0.1:65535']],
      ['[::1]:2,b:3,a:1,c:4', ['[::1]:2', 'b:3', 'a:1', 'c:4']],
      ['off', []],
    ],
    bad: [
      ...['', 'a', 'a:0', ':1', '10.0.0.256:1', 'TcpEndPoint: 10.0.0.1:1'],
      ...['a:1,', ',a:1', 'a:1, b:2', 'a:1,off', 'a:1,b:2,a:1', 'a:1,b:2,c:3,d:4,e:5'],
    ],
  },
  fronts: {
    byDefault: 1,
    good: [['1', 1], ...(canSharePorts() ? ([['16', 16]] as const) : [])],
    bad: ['0', '17', '-1', '1.5', 'many', ...(canSharePorts() ? [] : ['2'])],
  },
  workers: {
    byDefault: expect.any(Number),
    good: [
      ['1', 1],
      ['3', 3],
      ['256', 256],
    ],
    bad: ['', '0', '-1', '257', '1.5', 'x', 'two'],
  },
  'reply-bytes-max': {
    byDefault: 16_384,
    good: [
      ['512', 512],
      ['1400', 1_400],
      ['16384', 16_384],
    ],
    bad: ['', '0', '511', '16385', 'x'],
  },
  store: {
    byDefault: 'lmdb',
    good: [
      ['memory', 'memory'],
      ['lmdb', 'lmdb'],
      ['etcd:a.example:2379', 'etcd:a.example:2379'],
      ['etcd:10.0.0.1:1,[::1]:65535', 'etcd:10.0.0.1:1,[::1]:65535'],
    ],
    bad: [
      ...['', 'Memory', 'memory ', 'LMDB', 'off', '__proto__', 'etcd', 'etcd:', 'etcd:a', 'etcd:a:0', 'etcd:a:65536'],
      ...['etcd:a:1,', 'etcd:a:1 ,b:1', 'etcd:http://a:1', `etcd:${new Array(10).fill('a:1').join(',')}`],
    ],
  },
  'store-bytes-max': whole(undefined, 1_000_000, 999_999_999_999_999),
  'etcd-prefix': {
    byDefault: undefined,
    good: [
      ['a/', 'a/'],
      ['a-b/C_1/d.e/', 'a-b/C_1/d.e/'],
    ],
    bad: ['', '/', 'a', '/a/', 'a//', 'a b/', `${'a'.repeat(256)}/`],
  },
  'etcd-tls': {
    byDefault: undefined,
    good: [
      ['off', undefined],
      ['ca.pem', { ca: 'ca.pem', cert: undefined, key: undefined }],
      ['ca.pem,c.pem,k.pem', { ca: 'ca.pem', cert: 'c.pem', key: 'k.pem' }],
    ],
    bad: ['', ',', 'ca.pem,', 'ca.pem,c.pem', 'ca.pem,,k.pem', ',c.pem,k.pem', 'a,b,c,d'],
  },
  'etcd-user': { byDefault: undefined, good: [['xlreg', 'xlreg']], bad: [''] },
  'etcd-password-file': { byDefault: undefined, good: [['/run/secret', '/run/secret']], bad: [''] },
  'max-clusters': whole(1_000_000, 1, 100_000_000),
  'max-registrations': whole(2_000_000, 1, 100_000_000),
  'ephemeral-ttl': whole(3_600, 1, 315_360_000),
  'idle-registration-ttl': whole(86_400, 1, 315_360_000),
  'empty-cluster-ttl': whole(3_600, 1, 315_360_000),
  'ws-tls': certificateFiles,
  'admin-tls': certificateFiles,
  'web-engine': {
    byDefault: 'auto',
    good: [
      ['uws', 'uws'],
      ['node', 'node'],
      ['auto', 'auto'],
    ],
    bad: ['', 'ws', 'constructor'],
  },
  'log-level': {
    byDefault: 'info',
    good: [
      ['trace', 'trace'],
      ['silent', 'silent'],
      ['error', 'error'],
    ],
    bad: ['', 'loud', 'INFO'],
  },
  dialects: {
    byDefault: ['chained', 'prefixed', 'sealed'],
    good: [
      ['sealed', ['sealed']],
      ['prefixed,chained', ['prefixed', 'chained']],
    ],
    bad: ['', 'off', 'Sealed', 'sealed,', 'other', 'sealed,sealed'],
  },
  'backup-dir': {
    byDefault: undefined,
    good: [
      ['/var/backups/xlreg', '/var/backups/xlreg'],
      ['off', undefined],
    ],
    bad: [''],
  },
  'backup-every': {
    byDefault: 6 * 3_600_000,
    good: [
      ['1s', 1_000],
      ['30m', 30 * 60_000],
      ['7d', 7 * 86_400_000],
      ['365d', 365 * 86_400_000],
    ],
    bad: ['', '0s', '6', '6 h', '1.5h', '-1h', '366d', '6H', '1w'],
  },
  'backup-keep': whole(14, 1, 10_000),
  'audit-log': {
    byDefault: undefined,
    good: [
      ['/var/log/xlreg/audit.log', '/var/log/xlreg/audit.log'],
      ['off', 'off'],
    ],
    bad: [''],
  },
  'audit-file-bytes': whole(16_777_216, 4_096, 1_073_741_824),
  'audit-files': whole(8, 2, 1_000),
  'slow-session-ms': milliseconds(undefined),
  'hello-timeout-ms': milliseconds(5_000),
  'partial-timeout-ms': milliseconds(5_000),
  'idle-timeout-ms': milliseconds(30_000),
  'joined-idle-timeout-ms': milliseconds(120_000),
  'write-timeout-ms': milliseconds(10_000),
  'hello-queue-ms': milliseconds(50),
  'linger-timeout-ms': milliseconds(1_000),
  'drain-grace-ms': milliseconds(5_000),
  'max-wait-ms': whole(60_000, 0, 300_000),
  'session-timeout-ms': milliseconds(86_400_000),
  'shutdown-delay': whole(0, 0, 300),
  'max-connections': whole(20_000, 1, 1_000_000),
  'max-connections-per-address': whole(256, 1, 1_000_000),
  'max-hellos-per-second': whole(10_000, 1, 1_000_000),
  'max-hellos-per-second-per-address': whole(20, 1, 1_000_000),
  'max-registrations-per-second-per-address': whole(20, 1, 1_000_000),
  'max-clusters-per-second-per-address': whole(20, 1, 1_000_000),
  'max-members-per-second-per-address': whole(20, 1, 1_000_000),
  'max-clusters-per-client': whole(10_000, 1, 100_000_000),
  'max-seats-per-client': whole(10_000, 1, 100_000_000),
  'max-session-bytes': whole(16_777_216, 16_384, 999_999_999_999_999),
  'max-session-messages': whole(65_536, 1, 65_536),
  'proxy-protocol': networks([]),
  forwarded: networks([]),
  'x-forwarded-for': networks([]),
  'allowed-origins': {
    byDefault: [],
    good: [
      ['https://a.example', ['https://a.example']],
      ['http://a.example:8080,https://b.example', ['http://a.example:8080', 'https://b.example']],
      ['off', []],
    ],
    bad: ['', '*', 'a.example', 'https://a.example/', 'https://A.example', 'https://a.example:443', 'null', 'ftp://a'],
  },
  'limit-exempt': networks(['127.0.0.0/8', '::1/128']),
};

it('covers every setting (F8)', () => {
  expect(Object.keys(SETTINGS).sort()).toEqual([...SETTING_NAMES].sort());
});

describe.each(Object.entries(SETTINGS))('%s', (name, { byDefault, good, bad }) => {
  it('has its default', () => {
    expect(settingOf(name, [])).toEqual(byDefault);
  });

  it('reads flag, environment and file', () => {
    for (const [text, meaning] of good) {
      expect(settingOf(name, [`--${name}`, text])).toEqual(meaning);
      expect(settingOf(name, [`--${name}=${text}`])).toEqual(meaning);
      expect(settingOf(name, [], variable(name, text))).toEqual(meaning);
      expect(settingOf(name, configFile({ [name]: text }))).toEqual(meaning);
    }
  });

  it('prefers the flag to the environment, and the environment to the file', () => {
    const [one, two = one, three = one] = good;
    const file = configFile({ [name]: three![0] });
    expect(settingOf(name, [...file, `--${name}`, one![0]], variable(name, two![0]))).toEqual(one![1]);
    expect(settingOf(name, file, variable(name, two![0]))).toEqual(two![1]);
    expect(settingOf(name, file)).toEqual(three![1]);
  });

  it.each(bad.map((text) => [text]))('is named in the message about the bad value %j', (text) => {
    expect(complaint([`--${name}=${text}`])).toContain(name);
    expect(complaint([], variable(name, text))).toContain(Object.keys(variable(name, text))[0]);
    expect(complaint(configFile({ [name]: text }))).toContain(name);
  });
});

describe('values of the file', () => {
  it('are named when their type is wrong, for every setting', () => {
    for (const value of [null, true, false, [], [1], ['1'], ['127.0.0.1:1'], {}, { valueOf: 1 }]) {
      const good = SETTING_NAMES.filter((name) => {
        try {
          readConfig(configFile({ [name]: value }), {});
          return true;
        } catch (error) {
          expect((error as Error).message).toContain(name);
          return false;
        }
      });
      expect(good, JSON.stringify(value)).toEqual([]);
    }
  });

  it('may be JSON numbers for numeric settings only', () => {
    expect(settingOf('workers', configFile({ workers: 7 }))).toBe(7);
    expect(complaint(configFile({ workers: 7.5 }))).toContain('workers');
    expect(complaint(configFile({ 'data-dir': 7 }))).toContain('data-dir');
  });
});

describe('an input that is not a setting', () => {
  it.each([
    ['an unknown flag', ['--colour', 'red'], 'colour'],
    ['a flag in another case', ['--Workers', '1'], 'Workers'],
    ['a flag in camel case', ['--dataDir', 'x'], 'dataDir'],
    ['a short flag', ['-w', '1'], '-w'],
    ['a word', ['serve'], 'serve'],
    ['a flag without its value', ['--workers'], 'workers'],
    ['a flag whose value looks like a flag', ['--workers', '--tcp'], 'workers'],
  ])('is named when it is %s', (_, args, named) => {
    expect(complaint(args)).toContain(named);
  });

  it('is named when it is an unknown key of the file, even one of Object.prototype', () => {
    expect(complaint(configFile({ colour: 'red', workers: 1 }))).toContain('"colour"');
    expect(complaint(configFile({ dataDir: 'x' }))).toContain('"dataDir"');
    expect(complaint(configFile({ config: 'x' }))).toContain('"config"');
    expect(complaint(configFile('{"toString":1}'))).toContain('"toString"');
    expect(complaint(configFile('{"__proto__":{"workers":3}}'))).toContain('__proto__');
  });

  it('is ignored when it is another environment variable', () => {
    expect(settingOf('workers', [], { XLREG_COLOUR: 'red', WORKERS: '9', XLREG_WORKERS: '2' })).toBe(2);
    expect(settingOf('workers', [], { xlreg_workers: '9', XLREG_WORKERS: '2' })).toBe(2);
  });

  it('is named together with all others', () => {
    const message = complaint(['--workers=0', '--name=-'], { XLREG_TCP: 'x' });
    for (const name of ['--workers', '--name', 'XLREG_TCP']) expect(message).toContain(name);
  });
});

describe('the file', () => {
  it('is named when it is missing, not JSON or not an object', () => {
    const missing = join(folder, 'missing.json');
    expect(complaint(['--config', missing])).toContain(missing);
    expect(complaint(['--config', folder])).toContain(folder);
    expect(complaint(['--config', ''])).toContain('--config');
    for (const contents of ['', '{', '{"workers":1}x', '[]', 'null', '1', '"x"']) {
      const args = configFile(contents);
      expect(complaint(args)).toContain(args[1]);
    }
  });

  it('may hold an empty object', () => {
    expect(settingOf('workers', [...configFile({}), '--workers', '5'])).toBe(5);
  });
});

it('takes the last value of a repeated flag', () => {
  expect(settingOf('workers', ['--workers', '1', '--workers', '2'])).toBe(2);
});

it('freezes the settings', () => {
  const config = readConfig([], {});
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.keys(config).sort()).toEqual(
    SETTING_NAMES.filter((name) => SETTINGS[name]!.byDefault !== undefined)
      .map(camel)
      .sort(),
  );
});
