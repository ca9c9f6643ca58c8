// The field's own test data, from XLREG_FIELD_VECTORS or shared/vectors beside the project.

import { constants, createPrivateKey, privateDecrypt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decryptBlocks, encryptBlocks, isPaddedAt, pad } from '../../src/wire/aes-cbc.ts';
import { openHello, parseHello } from '../../src/wire/hello.ts';
import { parseRegCred, printRegCred } from '../../src/wire/reg-cred.ts';
import { modulusOf, printSshRsa } from '../../src/wire/rsa-key.ts';
import { parseVersion, printVersion } from '../../src/wire/version.ts';

const root = process.env.XLREG_FIELD_VECTORS ?? fileURLToPath(new URL('../../../shared/vectors', import.meta.url));
const present = existsSync(join(root, 'helloAndReply', 'hello-encrypted'));
if (!present) console.log(`skipped: no test data of the field in ${root}; XLREG_FIELD_VECTORS can name another place`);

const read = (path: string) => readFileSync(join(root, path));
const text = (path: string) => read(path).toString('latin1').trim();

describe.runIf(present)('helloAndReply', () => {
  const file = (name: string) => read(`helloAndReply/${name}`);
  const hex = (part: Uint8Array) => Buffer.from(part).toString('hex');

  it('decrypts the Hello to its data (H1)', () => {
    const key = createPrivateKey({ key: file('key-rsa.der'), format: 'der', type: 'pkcs1' });
    const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
    expect(hex(privateDecrypt({ key, ...oaep }, file('hello-encrypted')))).toBe(hex(file('hello-data')));
    expect(openHello(key, modulusOf(key), file('hello-encrypted'))).toEqual(parseHello(file('hello-data')));
  });

  it('packs iv1, key1, salt1 and version1 as its data (H2)', () => {
    const hello = parseHello(file('hello-data'))!;
    expect(hello.dialect).toBe('chained');
    expect(hex(hello.iv1!)).toBe(hex(file('iv1')));
    expect(hex(hello.key1)).toBe(hex(file('key1')));
    expect(hex(hello.salt1)).toBe(hex(file('salt1')));
    expect(hello.version1).toBe(file('version1').readUInt32LE());
  });

  // The sample's last two fields are swapped against every program (H6), so the packing is not compared.
  it('pads and encrypts the reply with AES-256-CBC under key1 and iv1 (F2, H6)', () => {
    const parts = ['iv2', 'key2', 'salt2', 'version2', 'salt1'].map(file);
    const plain = Buffer.concat(parts);
    expect(hex(pad(plain))).toBe(hex(file('reply-data')));
    expect(hex(Buffer.concat([plain, file('padding')]))).toBe(hex(file('reply-data')));
    expect(isPaddedAt(file('reply-data'), plain.length)).toBe(true);
    expect(hex(encryptBlocks(file('key1'), file('iv1'), pad(plain)))).toBe(hex(file('reply-encrypted')));
    expect(hex(decryptBlocks(file('key1'), file('iv1'), file('reply-encrypted')))).toBe(hex(file('reply-data')));
  });

  it.each(['version1', 'version2'])('reads %s as its text (K5)', (name) => {
    const version = file(name).readUInt32LE();
    expect(parseVersion(text(`helloAndReply/${name}.str`))).toBe(version);
    expect(printVersion(version)).toBe(text(`helloAndReply/${name}.str`));
  });
});

describe.runIf(present)('regCred', () => {
  it('reads the file as the files beside it say (C4)', () => {
    const cred = parseRegCred(read('regCred/regCred.dat').toString('latin1'));
    expect(cred.name).toBe(text('regCred/name.str'));
    expect(Buffer.from(cred.id).equals(read('regCred/id'))).toBe(true);
    expect(printSshRsa(cred.commsKey)).toBe(text('regCred/ck-rsa.pub').split(' ', 2).join(' '));
    expect(printSshRsa(cred.sigKey)).toBe(text('regCred/sk-rsa.pub').split(' ', 2).join(' '));
    expect(cred.endPoints.map((endPoint) => `TcpEndPoint: ${endPoint}`)).toEqual(
      text('regCred/endPoints').split(/\r?\n/),
    );
    expect(printVersion(cred.version)).toBe(text('regCred/version.str'));
  });

  it('writes the file again without empty lines and with CRLF throughout (C2)', () => {
    const theirs = read('regCred/regCred.dat').toString('latin1');
    expect(printRegCred(parseRegCred(theirs))).toBe(theirs.replaceAll('\n\r\n', '\r\n'));
  });
});
