// Stage 1, front end, sequential: tells from the first bytes of a connection which Hello it begins with, byte by byte.
// No cryptography: a worker checks mac1.
import type { Fault } from '../errors.ts';
import { SEALED_HELLO_BYTES, SEALED_PROLOGUE } from '../wire/sealed-hello.ts';

/** The Hellos that are served. */
export interface HelloKinds {
  /** Bytes of an RSA Hello: the modulus of the comms key (H1). Undefined if no dialect with such a Hello is served. */
  readonly rsaBytes: number | undefined;
  /** True if the sealed dialect is served. */
  readonly sealed: boolean;
}

/** Decision about the bytes of a connection before its Hello: wait for more, submit a job, or end with a fault. */
export type HelloVerdict = 'wait' | 'hello' | 'sealed-hello' | Fault;

/**
 * Judges the bytes so far. On TCP the first byte that differs from the prologue makes the connection an RSA one; equal
 * bytes are waited for. On WebSocket a Hello is the whole first frame. `further` says that bytes came behind it (H4).
 */
export function judgeHello(
  bytes: Uint8Array,
  further: boolean,
  transport: 'tcp' | 'ws',
  { rsaBytes, sealed }: HelloKinds,
): HelloVerdict {
  const equal = sealed ? equalBytes(bytes) : 0;
  const isSealed = equal === SEALED_PROLOGUE.length;
  if (sealed && transport === 'tcp' && !isSealed && equal === bytes.length) return 'wait';
  const wanted = isSealed ? SEALED_HELLO_BYTES : rsaBytes;
  if (wanted === undefined) return 'hello-dialect-off';
  if (transport === 'tcp' && bytes.length < wanted) return 'wait';
  if (further) return 'hello-early-bytes';
  if (bytes.length !== wanted) return 'hello-length';
  return isSealed ? 'sealed-hello' : 'hello';
}

/** Number of first bytes that equal the prologue's. */
function equalBytes(bytes: Uint8Array): number {
  let at = 0;
  while (at < SEALED_PROLOGUE.length && at < bytes.length && bytes[at] === SEALED_PROLOGUE[at]) at += 1;
  return at;
}
