// A third implementation as opponent: the C library noise-c, compiled to WebAssembly by somebody else. Only what the
// tests need is typed here.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A key and counter of noise-c. */
export interface OpponentCipher {
  EncryptWithAd(ad: Uint8Array, plain: Uint8Array): Uint8Array;
  DecryptWithAd(ad: Uint8Array, sealed: Uint8Array): Uint8Array;
}

/** One side of a handshake of noise-c. */
export interface OpponentHandshake {
  Initialize(prologue: Uint8Array, s?: Uint8Array | null, rs?: Uint8Array | null): void;
  WriteMessage(payload?: Uint8Array | null): Uint8Array;
  ReadMessage(message: Uint8Array, payloadNeeded?: boolean): Uint8Array;
  GetHandshakeHash(): Uint8Array;
  GetRemotePublicKey(): Uint8Array;
  /** Our sending cipher, then our receiving one. */
  Split(): [OpponentCipher, OpponentCipher];
}

interface Library {
  readonly constants: { readonly NOISE_ROLE_INITIATOR: number; readonly NOISE_ROLE_RESPONDER: number };
  HandshakeState(protocol: string, role: number): OpponentHandshake;
}

type Create = (options: { wasmBinary: Uint8Array }, ready: (library: Library) => void) => void;

const require = createRequire(import.meta.url);

/** Loads noise-c. The result makes one side of a handshake. */
export async function loadOpponent() {
  const create = require('noise-c.wasm') as Create;
  const wasmBinary = readFileSync(require.resolve('noise-c.wasm/src/noise-c.wasm'));
  const library = await new Promise<Library>((resolve) => create({ wasmBinary }, (made) => resolve(made)));
  const { NOISE_ROLE_INITIATOR, NOISE_ROLE_RESPONDER } = library.constants;
  return (pattern: 'NX' | 'IK', role: 'initiator' | 'responder'): OpponentHandshake =>
    library.HandshakeState(
      `Noise_${pattern}_25519_AESGCM_SHA256`,
      role === 'initiator' ? NOISE_ROLE_INITIATOR : NOISE_ROLE_RESPONDER,
    );
}
