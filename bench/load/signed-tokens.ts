// Signs the tokens of a load's members, all with one key pair, before any clock starts.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { signToken } from '../../src/wire/member-token.ts';
import type { Token } from '../../src/wire/message.ts';
import { exportSpki } from '../../src/wire/rsa-key.ts';

/** Signs tokens named m0, m1 …, each with one end point. With IDs, the registry recognizes returning members. */
export function signTokens(count: number, { withIds = false } = {}): Token[] {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const spki = exportSpki(publicKey);
  return Array.from({ length: count }, (_, i) => {
    const token: Token = { Name: `m${i}`, CommsKey: spki, SigKey: spki, MyEnds: [`127.0.0.1:${10_000 + i}`] };
    if (withIds) token.ID = randomBytes(32);
    return signToken(token, privateKey);
  });
}
