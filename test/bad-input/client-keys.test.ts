// Client messages whose token has bad keys: rows B74 to B78. Each hostile key is tried as CommsKey and as SigKey, in a
// token with a sound key's signature. timing.test.ts bounds the time to refuse them.

import { signedToken } from '../field/member-keys.ts';
import { OP } from '../field/protobuf.ts';
import { type Row, type Sends, testRows, useTarget } from './bad-input-harness.ts';
import { errorReply, served } from './endings.ts';
import { badExponents, badSizes, evenModuli, notKeys, oddModuli, otherKinds } from './hostile-keys.ts';

const target = useTarget();

const client = (token: Uint8Array): Sends => ({ op: OP.Client, clientSpecs: token });
const asEither = (keys: readonly Uint8Array[]): Sends[] =>
  keys.flatMap((key) => [
    client(signedToken({ name: 'peer', commsKey: key })),
    client(signedToken({ name: 'peer', sigKey: key })),
  ]);

const rows: readonly Row[] = [
  {
    row: 'refuses a token without CommsKey or SigKey (B74)',
    sends: [{ commsKey: null }, { sigKey: null }, { commsKey: null, sigKey: null }, { sigKey: null, digSig: null }].map(
      (keys) => client(signedToken({ name: 'peer', ...keys })),
    ),
    ends: errorReply('bad RSA public key'),
  },
  {
    row: 'refuses a key that is random, truncated, with a trailing byte, PEM, PKCS#1 or not strict DER (B74)',
    sends: asEither(notKeys),
    ends: errorReply('bad RSA public key'),
  },
  {
    row: 'refuses an EC, Ed25519, DSA or RSA-PSS key (B75)',
    sends: asEither(otherKinds),
    ends: errorReply('bad RSA public key'),
  },
  {
    row: 'refuses an RSA key of 512, 1023, 4097, 16384 or 32768 bits (B76)',
    sends: asEither(badSizes),
    ends: errorReply('bad RSA public key'),
  },
  {
    row: 'refuses e of 0, 1, 2, 65536, -3, 2^31 and more, or 3071 bits (B77)',
    sends: asEither(badExponents),
    ends: errorReply('bad RSA public key'),
  },
  {
    row: 'refuses an even n (B78)',
    sends: asEither(evenModuli),
    ends: errorReply('bad RSA public key'),
  },
  {
    row: 'refuses a signature under a SigKey of n = 2^2048-1, divisible by 3, or a power of 3 (B78)',
    sends: oddModuli.map((key) => client(signedToken({ name: 'peer', sigKey: key }))),
    ends: errorReply('bad digital signature'),
  },
  {
    row: 'accepts a CommsKey of such an n, since the registry never encrypts to it (B78)',
    sends: oddModuli.map((key) => client(signedToken({ name: 'peer', commsKey: key }))),
    ends: served(OP.ClientOK),
  },
];
testRows(target, rows);
