// Client messages whose token has bad keys, rows B74 to B78. Each hostile key stands once for CommsKey and once for
// SigKey, in a token that is signed by a sound one. (How long it takes to refuse them: timing.test.ts.)

import { signedToken } from '../field/member-keys.ts';
import { OP } from '../field/protobuf.ts';
import { type Row, type Sends, testRows, useTarget } from './bad-input-harness.ts';
import { served, told } from './endings.ts';
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
    row: 'B74 CommsKey or SigKey missing',
    sends: [{ commsKey: null }, { sigKey: null }, { commsKey: null, sigKey: null }, { sigKey: null, digSig: null }].map(
      (keys) => client(signedToken({ name: 'peer', ...keys })),
    ),
    ends: told('bad RSA public key'),
  },
  {
    row: 'B74 key random, truncated, with a trailing byte, PEM, PKCS#1, or else no strict DER',
    sends: asEither(notKeys),
    ends: told('bad RSA public key'),
  },
  { row: 'B75 EC, Ed25519, DSA, RSA-PSS key', sends: asEither(otherKinds), ends: told('bad RSA public key') },
  {
    row: 'B76 RSA of 512, 1023, 4097, 16384, 32768 bits',
    sends: asEither(badSizes),
    ends: told('bad RSA public key'),
  },
  {
    row: 'B77 e = 0, 1, 2, 65536, -3, from 2^31 up, of 3071 bits',
    sends: asEither(badExponents),
    ends: told('bad RSA public key'),
  },
  {
    row: 'B78 n even',
    sends: asEither(evenModuli),
    ends: told('bad RSA public key'),
  },
  {
    row: 'B78 n = 2^2048-1, divisible by 3, a power of 3, for a SigKey: nobody signs with it',
    sends: oddModuli.map((key) => client(signedToken({ name: 'peer', sigKey: key }))),
    ends: told('bad digital signature'),
  },
  {
    row: 'B78 the same for a CommsKey: nothing is ever encrypted to it here',
    sends: oddModuli.map((key) => client(signedToken({ name: 'peer', commsKey: key }))),
    ends: served(OP.ClientOK),
  },
];
testRows(target, rows);
