// regCred.dat: the public credentials of a registry; a client needs nothing else (C1 to C5).
//
//   regCred {                              lines end in CRLF, the last one too; `: ` once a line
//       Name: …   ID: hex   CommsPubKey: ssh-rsa …   SigPubKey: ssh-rsa …        (a line each)
//       EndPoints {
//            TcpEndPoint: host:port        any number of them
//       }
//       Version: a.b.c.d
//   }
import type { KeyObject } from 'node:crypto';
import { REG_CRED_BYTES_MAX } from '../limits.ts';
import { XlRegError } from '../xlreg-error.ts';
import { isEndPoint, isNodeId } from './member-token.ts';
import { isName } from './name.ts';
import { printable } from './printable.ts';
import { keyFingerprint, parseSshRsa, printSshRsa } from './rsa-key.ts';
import { parseVersion, printVersion } from './version.ts';

/** The public credentials of a registry. */
export interface RegCred {
  /** 1 to 128 of `[A-Za-z0-9_.-]` (T2). */
  readonly name: string;
  /** 20 or 32 bytes. */
  readonly id: Uint8Array;
  /** Public RSA key under which clients encrypt their Hello (H1). */
  readonly commsKey: KeyObject;
  /** Public RSA key that verifies the registry (S6). Its fingerprint names the registry. */
  readonly sigKey: KeyObject;
  /** `host:port` each. */
  readonly endPoints: readonly string[];
  /** Protocol version as a number; printVersion() prints it (K5). */
  readonly version: number;
}

/** A regCred file is invalid. The message names the line. */
export class RegCredError extends XlRegError {
  override readonly name = 'RegCredError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, { ...options, code: 'CREDENTIALS_INVALID' });
  }
}

const END_POINT = 'TcpEndPoint';

/**
 * Writes the file in this registry's form.
 *
 * @example
 * ```ts
 * const moved = { ...regCred, endPoints: ['registry.example:56789'] };
 * await writeFile('moved.dat', printRegCred(moved), 'ascii');
 * ```
 */
export function printRegCred(cred: RegCred): string {
  return [
    'regCred {',
    `    Name: ${cred.name}`,
    `    ID: ${Buffer.from(cred.id).toString('hex')}`,
    `    CommsPubKey: ${printSshRsa(cred.commsKey)}`,
    `    SigPubKey: ${printSshRsa(cred.sigKey)}`,
    '    EndPoints {',
    ...cred.endPoints.map((endPoint) => `         ${END_POINT}: ${endPoint}`),
    '    }',
    `    Version: ${printVersion(cred.version)}`,
    '}',
    '',
  ].join('\r\n');
}

/**
 * Reads the file of any registry of the field (C4): blank lines, LF for CRLF, any indent. Accepts up to
 * REG_CRED_BYTES_MAX characters (C5). Throws RegCredError.
 *
 * @example
 * ```ts
 * const registry = parseRegCred(await readFile('xlreg-data/regCred.dat', 'ascii'));
 * console.log(registry.name, registry.endPoints);
 * ```
 */
export function parseRegCred(text: string): RegCred {
  if (text.length > REG_CRED_BYTES_MAX) throw new RegCredError(`credentials have at most ${REG_CRED_BYTES_MAX} bytes`);
  const lines = text
    .split(/\r?\n/)
    .map(trimBlanks)
    .filter((line) => line !== '');
  let at = 0;
  const literal = (expected: string) => {
    if (lines[at++] !== expected) throw new RegCredError(`line ${at} of the credentials should be "${expected}"`);
  };
  const field = <T>(key: string, parse: (value: string) => T | undefined): T => {
    const line = lines[at++] ?? '';
    // A line has one `: `, with one space (C2).
    const [found, text = '', ...more] = line.split(': ');
    const wellFormed = found === key && more.length === 0 && !text.startsWith(' ');
    const value = wellFormed ? parse(text) : undefined;
    if (value === undefined) throw new RegCredError(`line ${at} of the credentials should be a valid "${key}: …"`);
    return value;
  };

  literal('regCred {');
  const name = field('Name', (value) => (isName(value) ? value : undefined));
  const id = field('ID', parseId);
  const commsKey = field('CommsPubKey', parseSshRsa);
  const sigKey = field('SigPubKey', parseSshRsa);
  literal('EndPoints {');
  const endPoints: string[] = [];
  while (lines[at]?.startsWith(END_POINT)) {
    endPoints.push(field(END_POINT, (value) => (isEndPoint(value) ? value : undefined)));
  }
  literal('}');
  const version = field('Version', parseVersion);
  literal('}');
  if (at !== lines.length) throw new RegCredError(`line ${at + 1} comes after the end of the credentials`);
  return printable({ name, id, commsKey, sigKey, endPoints, version }, { version: printVersion }, describeRegCred);
}

/** Trims spaces and tabs at both ends. A regex for the trailing ones would take quadratic time. */
function trimBlanks(line: string): string {
  const isBlank = (at: number) => line[at] === ' ' || line[at] === '\t';
  let [start, end] = [0, line.length];
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return line.slice(start, end);
}

function parseId(hex: string): Uint8Array | undefined {
  const id = Buffer.from(hex, 'hex');
  return id.length * 2 === hex.length && isNodeId(id) ? id : undefined;
}

/** A public RSA key. */
export interface DescribedKey {
  /** As `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  readonly bits: number;
  /** The form used in regCred.dat. */
  readonly ssh: string;
}

/** The credentials, as JSON.stringify and `xlreg regcred --json` print them. */
export interface DescribedRegCred {
  readonly name: string;
  /** Hex. */
  readonly id: string;
  readonly commsKey: DescribedKey;
  readonly sigKey: DescribedKey;
  readonly endPoints: readonly string[];
  /** `a.b.c.d` */
  readonly version: string;
}

export function describeRegCred({ name, id, commsKey, sigKey, endPoints, version }: RegCred): DescribedRegCred {
  const keys = { commsKey: describeKey(commsKey), sigKey: describeKey(sigKey) };
  return { name, id: Buffer.from(id).toString('hex'), ...keys, endPoints, version: printVersion(version) };
}

function describeKey(key: KeyObject): DescribedKey {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return { fingerprint: keyFingerprint(key), bits, ssh: printSshRsa(key) };
}
