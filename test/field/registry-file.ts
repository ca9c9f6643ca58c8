// A reader of regCred.dat as strict as those of the field: fixed lines that end in CRLF, one `: ` a line, a key on one
// line, no blank lines. A file that it accepts is readable for clients of the field (C2).

import { createPublicKey, type KeyObject } from 'node:crypto';

/** A registry's credentials, as in its file. */
export interface RegistryFile {
  readonly name: string;
  /** 20 or 32 bytes. */
  readonly id: Buffer;
  readonly commsKey: KeyObject;
  readonly sigKey: KeyObject;
  /** `host:port`, without the prefix `TcpEndPoint: `. */
  readonly endPoints: readonly string[];
  /** As text, such as `0.4.3`. */
  readonly version: string;
}

/** Parses a regCred file. Throws an Error that names the line. */
export function parseRegistryFile(text: string): RegistryFile {
  const lines = text.split('\r\n');
  if (lines.pop() !== '') throw new Error('the last line does not end in CRLF');
  let at = 0;
  const next = (): string => {
    const line = lines[at++];
    if (line === undefined) throw new Error(`line ${at} is missing`);
    if (!/^[\x20-\x7e]+$/.test(line)) throw new Error(`line ${at} is blank or not printable ASCII`);
    return line;
  };
  const exactly = (expected: string): void => {
    if (next() !== expected) throw new Error(`line ${at} is not '${expected}'`);
  };
  const value = (line: string, name: string, indent: number): string => {
    const parts = line.split(': ');
    if (parts.length !== 2 || parts[0] !== `${' '.repeat(indent)}${name}`) {
      throw new Error(`line ${at} is not '${name}: …'`);
    }
    return parts[1]!;
  };

  exactly('regCred {');
  const name = value(next(), 'Name', 4);
  const hex = value(next(), 'ID', 4);
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hex)) throw new Error(`line ${at}: not 20 or 32 bytes of hex`);
  const commsKey = parseSshRsa(value(next(), 'CommsPubKey', 4));
  const sigKey = parseSshRsa(value(next(), 'SigPubKey', 4));
  exactly('    EndPoints {');
  const endPoints: string[] = [];
  let line = next();
  for (; line !== '    }'; line = next()) endPoints.push(value(line, 'TcpEndPoint', 9));
  const version = value(next(), 'Version', 4);
  if (!/^\d{1,3}(\.\d{1,3}){1,3}$/.test(version)) throw new Error(`line ${at}: no version`);
  exactly('}');
  if (at !== lines.length) throw new Error(`line ${at + 1}: more after the closing brace`);
  return { name, id: Buffer.from(hex, 'hex'), commsKey, sigKey, endPoints, version };
}

/** Decodes the OpenSSH form of an RSA public key: `ssh-rsa`, then base64 of string "ssh-rsa", mpint e, mpint n. */
export function parseSshRsa(text: string): KeyObject {
  const [kind, base64, ...comment] = text.split(' ');
  if (kind !== 'ssh-rsa' || base64 === undefined || comment.length > 0) throw new Error('no ssh-rsa key');
  const blob = Buffer.from(base64, 'base64');
  if (blob.toString('base64') !== base64) throw new Error('not canonical base64');
  let at = 0;
  const string = (): Buffer => {
    const start = at + 4;
    const end = start + blob.readUInt32BE(at);
    if (end > blob.length) throw new Error('truncated ssh-rsa key');
    at = end;
    return blob.subarray(start, end);
  };
  const positive = (): string => {
    const mpint = string();
    const [first = 0x80, second = 0] = mpint;
    if (first >= 0x80) throw new Error('an empty or negative mpint');
    if (first === 0 && second < 0x80) throw new Error('an mpint with needless zeros');
    return mpint.subarray(first === 0 ? 1 : 0).toString('base64url');
  };
  if (string().toString('latin1') !== 'ssh-rsa') throw new Error('the inner type is not ssh-rsa');
  const e = positive();
  const n = positive();
  if (at !== blob.length) throw new Error('bytes after the ssh-rsa key');
  return createPublicKey({ key: { kty: 'RSA', e, n }, format: 'jwk' });
}
