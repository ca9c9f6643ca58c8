// Statement and proofs, which a member signs. The bytes are those of src/wire/statement.ts, without Node.
import { SEAL_KEY_BYTES } from '../limits.ts';
import { type Bytes, concat, counted, sha256, uint64, utf8 } from './bytes.ts';
import type { Token } from './messages.ts';

/** Highest seq. */
export const SEQ_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** S: the bytes that a Statement signs. */
export function statementBytes(registryId: Bytes, token: Token): Bytes {
  return concat(
    utf8('xlReg member 1\0'),
    counted(registryId),
    counted(utf8(token.name)),
    uint64(token.attrs),
    counted(token.id),
    counted(token.commsKey),
    counted(token.sigKey),
    Uint8Array.of(token.endPoints.length),
    ...token.endPoints.map((endPoint) => counted(utf8(endPoint))),
    counted(utf8(token.labels)),
    token.sealKey.length > 0 ? token.sealKey : new Uint8Array(SEAL_KEY_BYTES),
    uint64(token.seq),
  );
}

/** The ID that certifies a SigKey. */
export async function certifiedId(sigKey: Bytes): Promise<Bytes> {
  return await sha256(utf8('xlReg member id 1\0'), sigKey);
}

/** Bytes that a client signs to register in the session with this handshake hash. */
export async function clientProof(handshakeHash: Bytes, statement: Bytes): Promise<Bytes> {
  return concat(utf8('xlReg sealed client 1\0'), handshakeHash, await sha256(statement));
}
