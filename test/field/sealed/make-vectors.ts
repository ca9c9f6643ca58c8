// Writes test/vectors/sealed/sealed.json: the project's own vectors for the six sections of the sealed dialect, made by
// the second implementation. Signatures are randomised, so each run makes other ones; the file in the repository is kept.
// Usage: node --import tsx test/field/sealed/make-vectors.ts

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { TokenInput } from '../protobuf.ts';
import { type Cipher, curvePair, Handshake, sha256 } from './noise.ts';
import { mac1, PROLOGUE } from './sealed-client.ts';
import { certSigned, clientProof, counted, memberId, pssSign, returnProof, statementBytes } from './statement.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** 32 fixed bytes of a name, for secrets and IDs. */
const fixed = (name: string): Buffer => sha256('vector ', name);

interface RsaPair {
  readonly spki: Buffer;
  readonly pkcs8: Buffer;
  readonly privateKey: KeyObject;
}

function rsaPair(modulusLength: number): RsaPair {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength });
  return {
    privateKey,
    pkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }),
    spki: createPublicKey(privateKey).export({ format: 'der', type: 'spki' }),
  };
}

const sk = rsaPair(2048);
const member = rsaPair(2048);
const member4096 = rsaPair(4096);
const comms = rsaPair(2048);
const registryId = fixed('registry');
const skPublic = createPublicKey(createPrivateKey({ key: sk.pkcs8, format: 'der', type: 'pkcs8' }));

function uint64(value: bigint): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(value);
  return out;
}

function uint32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
}

// ---- sections 1 and 2: Hello and Reply

const initiatorE = curvePair(fixed('client e'));
const registryS = curvePair(fixed('registry s'));
const registryE = curvePair(fixed('registry e'));
const client = new Handshake({ pattern: 'NX', initiator: true, prologue: PROLOGUE, e: initiatorE });
const server = new Handshake({ pattern: 'NX', initiator: false, prologue: PROLOGUE, s: registryS, e: registryE });
const message1 = client.write(mac1(skPublic, initiatorE.public));
server.read(message1);
const notBefore = 1_800_000_000n;
const notAfter = notBefore + 3_600n + 172_800n;
const certHead = Buffer.concat([
  ...[Buffer.from([1, 0]), uint64(notBefore), uint64(notAfter), uint32(16_367), uint32(0), uint32(0)],
]);
const certSignature = pssSign(sk.privateKey, certSigned(registryId, registryS.public, certHead));
const message2 = server.write(Buffer.concat([certHead, certSignature]));
client.read(message2);

const hello = {
  skPkcs8: hex(sk.pkcs8),
  skSpki: hex(sk.spki),
  registryId: hex(registryId),
  clientEphemeralSecret: hex(initiatorE.secret),
  mac1Key: hex(sha256('xlReg sealed mac1', sk.spki)),
  mac1: hex(mac1(skPublic, initiatorE.public)),
  hello: hex(Buffer.concat([PROLOGUE, message1])),
};
const reply = {
  registryStaticSecret: hex(registryS.secret),
  registryStaticPublic: hex(registryS.public),
  registryEphemeralSecret: hex(registryE.secret),
  ...{ version: 1, flags: 0, notBefore: Number(notBefore), notAfter: Number(notAfter) },
  ...{ maxMessage: 16_367, maxWaitMs: 0 },
  signed: hex(certSigned(registryId, registryS.public, certHead)),
  sealCert: hex(Buffer.concat([certHead, certSignature])),
  message2: hex(message2),
  wireOnTcp: hex(counted(message2)),
  handshakeHash: hex(client.h),
};

// ---- section 3: transport

const ciphers = { client: client.split(), server: server.split() };

/** A message's parts, sealed one after the other. Long ones are told by a byte, a count, and the SHA-256 of the wire. */
function sealed(from: 'client' | 'registry', message: Buffer): object {
  const cipher = from === 'client' ? ciphers.client.send : ciphers.server.send;
  const frames: Buffer[] = [];
  let rest = message;
  do {
    const part = rest.subarray(0, 65_518);
    rest = rest.subarray(part.length);
    frames.push(counted(cipher.encrypt(Buffer.concat([Buffer.from([rest.length > 0 ? 1 : 0]), part]))));
  } while (rest.length > 0);
  const wire = Buffer.concat(frames);
  const long = message.length > 1_000;
  return {
    from,
    frames: frames.map(({ length }) => length),
    ...(long ? { byte: message[0], count: message.length } : { message: hex(message) }),
    ...(long ? { wireSha256: hex(sha256(wire)) } : { wireOnTcp: hex(wire) }),
  };
}

const transport = {
  clientSends: hex(ciphers.client.send.key),
  clientReceives: hex(ciphers.client.receive.key),
  messages: [
    sealed('client', Buffer.from('0801', 'hex')),
    sealed('registry', Buffer.from('0802', 'hex')),
    sealed('client', Buffer.from('080b', 'hex')),
    sealed('client', Buffer.alloc(16_367, 0x61)),
    sealed('registry', Buffer.alloc(65_517, 0x62)),
    sealed('registry', Buffer.alloc(65_518, 0x63)),
    sealed('registry', Buffer.alloc(65_519, 0x64)),
    sealed('registry', Buffer.alloc(131_036, 0x65)),
    sealed('registry', Buffer.from('080c', 'hex')),
  ],
};

// ---- sections 4 and 5: statements, proofs, rosters

const sealKey = curvePair(fixed('seal key'));

function stated(name: string, signer: RsaPair, fields: TokenInput) {
  const token: TokenInput = { commsKey: comms.spki, sigKey: signer.spki, id: memberId(signer.spki), ...fields };
  const statement = statementBytes(registryId, token);
  const proof = clientProof(client.h, statement);
  const returning = returnProof(client.h, token.id!);
  return {
    case: name,
    token: {
      name: token.name,
      attrs: String(token.attrs ?? 0),
      id: hex(token.id!),
      commsKey: hex(token.commsKey!),
      sigKey: hex(token.sigKey!),
      myEnds: token.myEnds ?? [],
      sealKey: token.sealKey === undefined ? null : hex(token.sealKey),
      seq: String(token.seq),
      labels: token.labels ?? '',
    },
    statementBytes: hex(statement),
    statementSha256: hex(sha256(statement)),
    statement: hex(pssSign(signer.privateKey, statement)),
    clientProofBytes: hex(proof),
    clientProof: hex(pssSign(signer.privateKey, proof)),
    returnProofBytes: hex(returning),
    returnProof: hex(pssSign(signer.privateKey, returning)),
  };
}

const ends = ['192.0.2.7:4001', 'TcpEndPoint: [2001:db8::1]:4002'];
const statements = {
  registryId: hex(registryId),
  handshakeHash: hex(client.h),
  memberPkcs8: hex(member.pkcs8),
  member4096Pkcs8: hex(member4096.pkcs8),
  tokens: [
    stated('a whole token', member, {
      ...{ name: 'alice', attrs: 2n ** 63n + 4n, myEnds: ends, seq: 1_800_000_000_123n },
      ...{ sealKey: sealKey.public, labels: 'rack=7\nzone=eu-1' },
    }),
    stated('the least', member, { name: 'b', seq: 1n }),
    stated('an ID of 20 bytes, the highest seq', member, {
      ...{ name: 'old-ID', id: fixed('old').subarray(0, 20), myEnds: ends.slice(1), seq: 2n ** 53n - 1n },
    }),
    stated('a SigKey of 4,096 bits', member4096, { name: 'large', myEnds: ends, seq: 2n, sealKey: sealKey.public }),
  ],
  labels: {
    good: ['', 'a=', 'a=b', 'a=b\nb=a', 'zone=eu=1', `k=${'v'.repeat(510)}`, `${'k'.repeat(63)}=v`],
    bad: [
      ...['=', 'a', 'a=b\n', '\na=b', 'b=a\na=b', 'a=1\na=2', 'a=\t', 'a=b\r\nc=d', '-a=b', '.a=b', 'a b=c'],
      ...[`k=${'v'.repeat(511)}`, `${'k'.repeat(64)}=v`, 'a=\u007f'],
    ],
  },
};

const [alice] = statements.tokens;
const flip = (text: string, at: number): string => {
  const bytes = Buffer.from(text, 'hex');
  bytes[at]! ^= 1;
  return hex(bytes);
};
const rosters = {
  note: 'each entry: the first token with these changes, its own statement, and whether it verifies by itself',
  entries: [
    { case: 'as it is', changes: {}, verified: true },
    { case: 'another name', changes: { name: 'alicf' }, verified: false },
    { case: 'another end point', changes: { myEnds: ['192.0.2.8:4001', ends[1]] }, verified: false },
    { case: 'end points in another order', changes: { myEnds: [...ends].reverse() }, verified: false },
    { case: 'one end point less', changes: { myEnds: ends.slice(0, 1) }, verified: false },
    { case: 'another seq', changes: { seq: '1800000000124' }, verified: false },
    { case: 'another SealKey', changes: { sealKey: hex(registryS.public) }, verified: false },
    { case: 'no SealKey', changes: { sealKey: null }, verified: false },
    { case: 'other labels', changes: { labels: 'rack=8\nzone=eu-1' }, verified: false },
    { case: 'other attrs', changes: { attrs: '4' }, verified: false },
    { case: 'another ID', changes: { id: hex(fixed('other')) }, verified: false },
    { case: 'a flipped bit in the statement', changes: { statement: flip(alice!.statement, 17) }, verified: false },
    { case: 'no statement', changes: { statement: null }, verified: false },
  ],
};

// ---- section 6: streams

const [aliceId, bobId, clusterId] = [memberId(member.spki), memberId(member4096.spki), fixed('cluster')];
const [aliceS, bobS] = [sealKey, curvePair(fixed('bob seal key'))];
const streamPrologue = Buffer.concat([
  Buffer.from('xlReg member 1\r\n'),
  ...[registryId, clusterId, bobId].map(counted),
]);
const dialler = new Handshake({
  ...{ pattern: 'IK', initiator: true, prologue: streamPrologue },
  ...{ s: aliceS, rs: bobS.public, e: curvePair(fixed('dialler e')) },
});
const listener = new Handshake({
  ...{ pattern: 'IK', initiator: false, prologue: streamPrologue },
  ...{ s: bobS, e: curvePair(fixed('listener e')) },
});
const stream1 = dialler.write(counted(aliceId));
listener.read(stream1);
const stream2 = listener.write();
dialler.read(stream2);
const streams = { dialler: dialler.split(), listener: listener.split() };

/** A frame of a stream at counter `n`, with the keys' changes before it. */
function streamFrame(cipher: Cipher, n: number, type: number, data: string): object {
  if (n > 0 && n % 2 ** 20 === 0) cipher.rekey();
  cipher.n = BigInt(n);
  const wire = counted(cipher.encrypt(Buffer.concat([Buffer.from([type]), Buffer.from(data)])));
  return { n, type, data: hex(Buffer.from(data)), wire: hex(wire), key: hex(cipher.key) };
}

const stream = {
  prologue: hex(streamPrologue),
  ...{ registryId: hex(registryId), clusterId: hex(clusterId), initiatorId: hex(aliceId), responderId: hex(bobId) },
  initiatorStaticSecret: hex(aliceS.secret),
  initiatorEphemeralSecret: hex(fixed('dialler e')),
  responderStaticSecret: hex(bobS.secret),
  responderEphemeralSecret: hex(fixed('listener e')),
  message1OnWire: hex(Buffer.concat([streamPrologue.subarray(0, 16), counted(stream1)])),
  message2OnWire: hex(counted(stream2)),
  handshakeHash: hex(dialler.h),
  fromInitiator: [
    streamFrame(streams.dialler.send, 0, 0, ''),
    streamFrame(streams.dialler.send, 1, 0, 'hello, listener'),
    streamFrame(streams.dialler.send, 2 ** 20 - 1, 0, 'before the first rekey'),
    streamFrame(streams.dialler.send, 2 ** 20, 0, 'after the first rekey'),
    streamFrame(streams.dialler.send, 2 ** 20 + 1, 0, 'still the same key'),
    streamFrame(streams.dialler.send, 2 ** 21, 1, ''),
  ],
  fromResponder: [
    streamFrame(streams.listener.send, 0, 0, 'hello, dialler'),
    streamFrame(streams.listener.send, 1, 1, ''),
  ],
};

const directory = new URL('../../vectors/sealed/', import.meta.url);
mkdirSync(directory, { recursive: true });
const file = { hello, reply, transport, statements, rosters, stream };
writeFileSync(new URL('sealed.json', directory), `${JSON.stringify(file, null, 2)}\n`);
