// Values of the library as people and programs print them: JSON.stringify and console.log show IDs and bytes as
// lower-case hex, numbers of 64 bits as decimal text, and keys as fingerprints of their public part. No secret is shown.
import { createPublicKey, KeyObject } from 'node:crypto';
import { exportSpki, importPublicKey, keyFingerprint, parseSpki } from './rsa-key.ts';

/** node:util looks for this method. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

type Inspect = (value: unknown, options: object) => string;

/** Prints some fields in another form. */
type Forms<T> = { readonly [Key in keyof T]?: (value: NonNullable<T[Key]>) => unknown };

/**
 * Gives a plain object a printed form. The methods are not enumerable, so that the object equals one without them, and a
 * copy made by spreading lacks them. `forms` replaces the form of single fields.
 */
export function printable<T extends object>(value: T, forms: Forms<T> = {}): T {
  const toJSON = () => plainFields(value, forms as Forms<Record<string, unknown>>);
  return Object.defineProperties(value, {
    toJSON: { value: toJSON, configurable: true },
    [INSPECT]: {
      value: (_: number, options: object, inspect: Inspect) => inspect(toJSON(), options),
      configurable: true,
    },
  });
}

/** Seats of a bit set as their indexes. */
export function seatIndexes(bits: bigint): number[] {
  return Array.from({ length: 64 }, (_, index) => index).filter((index) => ((bits >> BigInt(index)) & 1n) === 1n);
}

function plainFields(value: object, forms: Forms<Record<string, unknown>>): Record<string, unknown> {
  const fields = Object.entries(value).map(([name, field]) => {
    const form = forms[name];
    return [name, form && field !== undefined && field !== null ? form(field) : plain(field)];
  });
  return Object.fromEntries(fields.filter(([, field]) => field !== undefined));
}

/** Undefined for a value without a printed form, such as a function or the memory of a member. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (value instanceof KeyObject) return keyText(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  const { toJSON } = value as { toJSON?: () => unknown };
  if (typeof toJSON === 'function') return toJSON.call(value);
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? plainFields(value, {}) : undefined;
}

/** The fingerprint of an RSA key's public part (K4), hex of an X25519 one. */
function keyText(key: KeyObject): string | undefined {
  if (key.type === 'secret') return undefined;
  const spki = exportSpki(key.type === 'private' ? createPublicKey(key) : key);
  if (key.asymmetricKeyType === 'x25519') return spki.subarray(-32).toString('hex');
  const parts = key.asymmetricKeyType === 'rsa' ? parseSpki(spki) : undefined;
  // A key that is imported anew: Node 20 may lock up at the JWK of one that it has just made.
  return parts && keyFingerprint(importPublicKey(parts));
}
