// Errors of streams between members. A message is one printable line without secrets.
import { XlRegError } from '../errors.ts';

/** Why a stream did not come about. */
export type RefusedBecause = 'peer' | 'unreachable' | 'handshake' | 'closed';

/** A stream could not be opened. */
export class StreamRefused extends XlRegError {
  override readonly name = 'StreamRefused';
  /**
   * `peer`: the roster forbids it; `unreachable`: no end point accepts connections; `handshake`: the other side closed
   * or is another one; `closed`: these streams are closed.
   */
  readonly because: RefusedBecause;

  constructor(because: RefusedBecause, why: string, options?: ErrorOptions) {
    super(why, options);
    this.because = because;
  }
}

/** A stream ended without its end mark: bytes may be missing. */
export class StreamCut extends XlRegError {
  override readonly name = 'StreamCut';
}

/** The other side is no longer a verified member with the same SealKey: evicted, replaced, or registered anew. */
export class PeerRemoved extends StreamCut {
  constructor(peer: string) {
    super(`the stream with ${peer} is cut: it is no longer the verified member of before`);
  }
}
