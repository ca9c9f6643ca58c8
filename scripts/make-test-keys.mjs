// Makes the published test keys anew: src/testing/test-keys.ts has the keys, src/wire/published-keys.ts what names them.
// Run it only if keys have to change: tests of users may have noted them.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Four registries with two keys each, and the largest cluster. */
const [REGISTRY_KEYS, MEMBER_KEYS] = [8, 64];

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const keys = Array.from({ length: REGISTRY_KEYS + MEMBER_KEYS }, () => {
  const made = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'der' });
  // Node 20 may lock up at the JWK of a key that it has just made.
  const key = createPrivateKey({ key: made, format: 'der', type: 'pkcs1' });
  return {
    pkcs1: made.toString('base64'),
    modulus: Buffer.from(key.export({ format: 'jwk' }).n, 'base64url').toString('hex'),
  };
});
const list = (values) => values.map((value) => `  '${value}',\n`).join('');

writeFileSync(
  'src/testing/test-keys.ts',
  `// Private keys that everybody knows, made by scripts/make-test-keys.mjs: PKCS#1 DER in base64. No server outside a test
// accepts one (K7).

/** Comms key and signature key of each registry in turn. */
export const REGISTRY_KEYS: readonly string[] = [
${list(keys.slice(0, REGISTRY_KEYS).map(({ pkcs1 }) => pkcs1))}];

/** Signature keys of members. */
export const MEMBER_KEYS: readonly string[] = [
${list(keys.slice(REGISTRY_KEYS).map(({ pkcs1 }) => pkcs1))}];
`,
);
writeFileSync(
  'src/wire/published-keys.ts',
  `// The published test keys (K7), made by scripts/make-test-keys.mjs: the first 128 bits of each modulus in hex, which tell
// it from any other. The private keys are in src/testing, which only tests load.

const MODULI: ReadonlySet<string> = new Set([
${list(keys.map(({ modulus }) => modulus.slice(0, 32)))}]);

/** True if everybody knows the private key of this modulus, which is big-endian without a leading zero. */
export function isPublishedKey(modulus: Uint8Array): boolean {
  return MODULI.has(Buffer.from(modulus.subarray(0, 16)).toString('hex'));
}
`,
);
