// Values of the library as people and programs print them: JSON.stringify and console.log show IDs and bytes as
// lower-case hex, and numbers of 64 bits as decimal text. They show the public part of a key: JSON has an RSA key in its
// SSH form, as the command line prints it; console.log shows its fingerprint. No secret is shown.
import { createPublicKey, KeyObject } from 'node:crypto';
import { exportSpki, importPublicKey, keyFingerprint, parseSpki, printSshRsa } from './rsa-key.ts';

/** node:util looks for this method. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

type Inspect = (value: unknown, options: object) => string;

/** Prints some fields in another form. */
type Forms<T> = { readonly [Key in keyof T]?: (value: NonNullable<T[Key]>) => unknown };

/** The fields of a printable value as console.log shows them. */
const SHOWN = Symbol('shown');

/**
 * Gives a plain object a printed form. The methods are not enumerable, so that the object equals one without them, and a
 * copy made by spreading lacks them. `forms` replaces the form of single fields, `json` the whole of toJSON().
 */
export function printable<T extends object>(value: T, forms: Forms<T> = {}, json?: (value: T) => object): T {
  const fields = (print: Print) => plainFields(value, forms as Forms<Record<string, unknown>>, print);
  const shown = () => fields(forPeople);
  return Object.defineProperties(value, {
    toJSON: { value: () => json?.(value) ?? fields(forPrograms), configurable: true },
    [SHOWN]: { value: shown, configurable: true },
    [INSPECT]: {
      value: (_: number, options: object, inspect: Inspect) => inspect(shown(), options),
      configurable: true,
    },
  });
}

/** Prints what only one of JSON and console.log has in this form. Undefined for all else. */
type Print = (value: object) => unknown;

const forPrograms: Print = (value) =>
  value instanceof KeyObject ? keyText(value, printSshRsa) : callOf((value as { toJSON?: unknown }).toJSON, value);

const forPeople: Print = (value) =>
  value instanceof KeyObject ? keyText(value, keyFingerprint) : callOf((value as { [SHOWN]?: unknown })[SHOWN], value);

function callOf(method: unknown, value: object): unknown {
  return typeof method === 'function' ? method.call(value) : undefined;
}

function plainFields(value: object, forms: Forms<Record<string, unknown>>, print: Print): Record<string, unknown> {
  const fields = Object.entries(value).map(([name, field]) => {
    const form = forms[name];
    return [name, form && field !== undefined && field !== null ? form(field) : plain(field, print)];
  });
  return Object.fromEntries(fields.filter(([, field]) => field !== undefined));
}

/** Undefined for a value without a printed form, such as a function or the memory of a member. */
function plain(value: unknown, print: Print): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map((item) => plain(item, print));
  const printed = print(value);
  if (printed !== undefined || value instanceof KeyObject) return printed;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? plainFields(value, {}, print) : undefined;
}

/** The public part of an RSA key as `print` has it, hex of an X25519 one. */
function keyText(key: KeyObject, print: (key: KeyObject) => string): string | undefined {
  if (key.type === 'secret') return undefined;
  const spki = exportSpki(key.type === 'private' ? createPublicKey(key) : key);
  if (key.asymmetricKeyType === 'x25519') return spki.subarray(-32).toString('hex');
  const parts = key.asymmetricKeyType === 'rsa' ? parseSpki(spki) : undefined;
  // A key that is imported anew: Node 20 may lock up at the JWK of one that it has just made.
  return parts && print(importPublicKey(parts));
}
