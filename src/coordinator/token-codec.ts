// Encodes what commands and replies say of join tokens, and decodes it.
import type { AdmissionClaim, TokenSpec, TokenState } from '../registry/join-token-spec.ts';
import type { ByteReader, ByteWriter } from '../shared-memory/byte-codec.ts';

/** Bits of a claim. */
const [CLAIMED, WITH_TOKEN] = [1, 2];

export function writeClaim(claim: AdmissionClaim | undefined, to: ByteWriter): void {
  to.byte((claim ? CLAIMED : 0) | (claim?.token === undefined ? 0 : WITH_TOKEN));
  if (!claim) return;
  to.long(BigInt(claim.time));
  if (claim.token !== undefined) to.hex(claim.token);
}

export function readClaim(from: ByteReader): { readonly claim?: AdmissionClaim } {
  const flags = from.byte();
  if ((flags & CLAIMED) === 0) return {};
  const time = Number(from.long());
  return { claim: { time, ...((flags & WITH_TOKEN) !== 0 && { token: from.hex() }) } };
}

/** Bits of a join token. */
const [REPLACE, OBSERVER] = [1, 2];

/** Writes the tokens that a command adds; each use count of 0 stands for the default. */
export function writeSpecs(specs: readonly TokenSpec[], time: number, to: ByteWriter): void {
  to.byte(specs.length);
  to.long(BigInt(time));
  for (const spec of specs) writeSpec(spec, spec.ttlMs, to);
}

function writeSpec(spec: Omit<TokenSpec, 'ttlMs'>, ttlMs: number, to: ByteWriter): void {
  to.hex(spec.hash);
  to.word(spec.uses ?? 0);
  to.long(BigInt(ttlMs));
  to.byte((spec.replace ? REPLACE : 0) | (spec.observer ? OBSERVER : 0));
  to.text(spec.forName ?? '');
}

export function readSpecs(from: ByteReader): { readonly specs: readonly TokenSpec[]; readonly time: number } {
  const [count, time] = [from.byte(), Number(from.long())];
  return { specs: Array.from({ length: count }, () => readSpec(from)), time };
}

function readSpec(from: ByteReader): TokenSpec {
  const [hash, uses, ttlMs, flags, forName] = [from.hex(), from.word(), Number(from.long()), from.byte(), from.text()];
  return {
    ...{ hash, ttlMs },
    ...(uses > 0 && { uses }),
    ...((flags & REPLACE) !== 0 && { replace: true as const }),
    ...((flags & OBSERVER) !== 0 && { observer: true as const }),
    ...(forName !== '' && { forName }),
  };
}

/** Milliseconds left of a token that does not expire. */
const NO_TTL = 2 ** 53 - 1;

export function writeStates(tokens: readonly TokenState[], to: ByteWriter): void {
  to.word(tokens.length);
  for (const token of tokens) {
    writeSpec(token, token.ttlMs ?? NO_TTL, to);
    to.word(token.left);
  }
}

export function readStates(from: ByteReader): TokenState[] {
  return Array.from({ length: from.word() }, () => {
    const { ttlMs, uses = 0, ...spec } = readSpec(from);
    return { ...spec, uses, left: from.word(), ...(ttlMs !== NO_TTL && { ttlMs }) };
  });
}
