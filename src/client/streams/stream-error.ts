// Errors of streams between members. A message is one printable line without secrets.
import { type KnownErrorOptions, XlRegError, type XlRegErrorCode } from '../errors.ts';

/** Reason for which a stream did not come about. */
export type RefusedBecause = 'peer' | 'unreachable' | 'handshake' | 'closed';

const CODES: Readonly<Record<RefusedBecause, XlRegErrorCode>> = {
  peer: 'STREAM_PEER',
  unreachable: 'STREAM_UNREACHABLE',
  handshake: 'STREAM_HANDSHAKE',
  closed: 'STREAMS_CLOSED',
};

/** A stream could not be opened. `retryable` unless these streams are closed or full. */
export class StreamRefused extends XlRegError {
  override readonly name = 'StreamRefused';
  /**
   * `peer`: the roster forbids it; `unreachable`: no end point accepts connections; `handshake`: the other side closed
   * or is another one; `closed`: these streams are closed.
   */
  readonly because: RefusedBecause;

  constructor(because: RefusedBecause, why: string, options?: ErrorOptions) {
    super(why, { ...options, code: CODES[because], retryable: because !== 'closed' });
    this.because = because;
  }
}

/** A stream ended without its end mark: bytes may be missing. */
export class StreamCut extends XlRegError {
  override readonly name = 'StreamCut';

  constructor(why: string, options?: KnownErrorOptions) {
    super(why, { code: 'STREAM_CUT', retryable: true, ...options });
  }
}

/** The other side is no longer a verified member with the same SealKey: evicted, replaced, or registered anew. */
export class PeerRemoved extends StreamCut {
  constructor(peer: string) {
    super(`the stream with ${peer} is cut: it is no longer the verified member of before`, {
      code: 'STREAM_PEER_REMOVED',
      retryable: false,
    });
  }
}
