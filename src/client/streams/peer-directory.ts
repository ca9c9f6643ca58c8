// View of a cluster for streams between members. The client backs it by its roster; tests give their own.
import type { KeyPair } from '../../noise/key-pair.ts';

/** A member as the newest roster has it. */
export interface StreamPeer {
  /** The member's name. */
  readonly name: string;
  /** 20 or 32 bytes. */
  readonly id: Uint8Array;
  /** `host:port`, in the order of the member's token. */
  readonly endPoints: readonly string[];
  /** 32 bytes, an X25519 public key. Absent or zero: the member takes no streams. */
  readonly sealKey?: Uint8Array | undefined;
  /** True if the entry's statement was verified. Streams are for verified members only. */
  readonly verified: boolean;
}

/** The cluster of one listener and its diallers, and this member's place in it. */
export interface PeerDirectory {
  readonly registryId: Uint8Array;
  readonly clusterId: Uint8Array;
  /** This member. `sealKeyPair` is the pair of the SealKey in its statement. */
  readonly self: { readonly id: Uint8Array; readonly sealKeyPair: KeyPair };
  /** The member with this ID in the newest roster. */
  find(id: Uint8Array): StreamPeer | undefined;
  /** All members in the newest roster, this one included. */
  members(): readonly StreamPeer[];
  /** Fetches the roster. May reject; the roster of before then stands. */
  refresh(): Promise<void>;
  /** Calls back after each change of the roster. Returns a function that ends this. */
  onChange(changed: () => void): () => void;
}

/** Returns the peer's SealKey, or why it can have no stream with this member. */
export function sealKeyOf(directory: PeerDirectory, peer: StreamPeer | undefined): Uint8Array | string {
  if (peer === undefined) return 'no member of the cluster';
  if (sameBytes(peer.id, directory.self.id)) return 'this member itself';
  if (!peer.verified) return 'its entry in the roster is not verified';
  const { sealKey } = peer;
  if (sealKey === undefined || sealKey.every((byte) => byte === 0)) return 'it takes no streams';
  return sealKey;
}

/** Compares public bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Least time between two fetches of the roster that strangers or failed dials cause, in milliseconds. */
const REFRESH_INTERVAL_MS = 1_000;

/** Fetches the roster for those who found it too old: one fetch at a time, one a second at most, shared by all. */
export class SharedRefresh {
  readonly #directory: PeerDirectory;
  #running: Promise<void> | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(directory: PeerDirectory) {
    this.#directory = directory;
  }

  /** Resolves when a fetch has ended. Resolves at once, without a fetch, if the last one began within the second. */
  async ask(): Promise<void> {
    const now = performance.now();
    if (this.#running === undefined) {
      if (now - this.#lastAt < REFRESH_INTERVAL_MS) return;
      this.#lastAt = now;
      this.#running = this.#directory.refresh().then(
        () => {
          this.#running = undefined;
        },
        () => {
          this.#running = undefined;
        },
      );
    }
    await this.#running;
  }
}
