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
    row: 'CommsKey or SigKey missing (B74)',
    sends: [{ commsKey: null }, { sigKey: null }, { commsKey: null, sigKey: null }, { sigKey: null, digSig: null }].map(
      (keys) => client(signedToken({ name: 'peer', ...keys })),
    ),
    ends: told('bad RSA public key'),
  },
  {
    row: 'key random, truncated, with a trailing byte, PEM, PKCS#1, or else no strict DER (B74)',
    sends: asEither(notKeys),
    ends: told('bad RSA public key'),
  },
  { row: 'EC, Ed25519, DSA, RSA-PSS key (B75)', sends: asEither(otherKinds), ends: told('bad RSA public key') },
  {
    row: 'RSA of 512, 1023, 4097, 16384, 32768 bits (B76)',
    sends: asEither(badSizes),
    ends: told('bad RSA public key'),
  },
  {
    row: 'e = 0, 1, 2, 65536, -3, from 2^31 up, of 3071 bits (B77)',
    sends: asEither(badExponents),
    ends: told('bad RSA public key'),
  },
  {
    row: 'n even (B78)',
    sends: asEither(evenModuli),
    ends: told('bad RSA public key'),
  },
  {
    row: 'n = 2^2048-1, divisible by 3, a power of 3, for a SigKey: nobody signs with it (B78)',
    sends: oddModuli.map((key) => client(signedToken({ name: 'peer', sigKey: key }))),
    ends: told('bad digital signature'),
  },
  {
    row: 'the same for a CommsKey: nothing is ever encrypted to it here (B78)',
    sends: oddModuli.map((key) => client(signedToken({ name: 'peer', commsKey: key }))),
    ends: served(OP.ClientOK),
  },
];
testRows(target, rows);
