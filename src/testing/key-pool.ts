// Keys for tests, from a fixed pool that everybody knows. Making an RSA key pair takes longer than a whole test.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { certifiedIdOf, type Member } from '../client/member.ts';
import * as x25519 from '../noise/key-pair.ts';
import { MEMBER_KEYS, REGISTRY_KEYS } from './test-keys.ts';

/** Pairs of registry keys. */
export const REGISTRY_KEYS_MAX = REGISTRY_KEYS.length / 2;

/** Members of one registry at most: a signature key has one ID. */
export const TEST_MEMBERS_MAX = MEMBER_KEYS.length;

/** Comms key and signature key of a registry, PEM. `number` is 0 to REGISTRY_KEYS_MAX - 1. */
export function registryPems(number: number): readonly [commsKey: string, sigKey: string] {
  if (!Number.isInteger(number) || number < 0 || number >= REGISTRY_KEYS_MAX) {
    throw new RangeError(`keys should be 0 to ${REGISTRY_KEYS_MAX - 1}`);
  }
  const pem = (place: number) => keyOf(REGISTRY_KEYS, place).export({ type: 'pkcs8', format: 'pem' }).toString();
  return [pem(2 * number), pem(2 * number + 1)];
}

/**
 * Returns a member with the signature key `number`, 0 to TEST_MEMBERS_MAX - 1, and the ID of that key. All members share a
 * comms key, which the sealed dialect does not use.
 */
export function memberWithKey(number: number, name: string): Member {
  const sigKey = keyOf(MEMBER_KEYS, number);
  const { privateKey: sealKey } = x25519.generateKeyPair();
  const keys = { commsKey: keyOf(MEMBER_KEYS, 0), sigKey, sealKey };
  return { name, endPoints: [], attrs: 0n, labels: {}, ...keys, id: certifiedIdOf(sigKey) };
}

function keyOf(keys: readonly string[], place: number): KeyObject {
  return createPrivateKey({ key: Buffer.from(keys[place]!, 'base64'), format: 'der', type: 'pkcs1' });
}
