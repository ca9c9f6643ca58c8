// The result of a handshake, alike in all dialects.
import type { SessionDialect } from '../wire/hello.ts';
import type { MessageCodec } from './message-codec.ts';

/** A session that can send its first message. */
export interface Handshake {
  readonly dialect: SessionDialect;
  /** Protocol version of the registry, from its HelloReply (H5); undefined in `sealed`, whose Reply has none. */
  readonly version: number | undefined;
  readonly codec: MessageCodec;
  /** Bytes that bind a client's proof to this session: salt2 (T10), in `sealed` the handshake hash. */
  readonly binding: Uint8Array;
  /** Longest wait of a GetCluster in milliseconds (V5); 0 in the RSA dialects. */
  readonly maxWaitMs: number;
}
