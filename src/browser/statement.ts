// Statement and proofs, which a member signs. The bytes are those of src/wire/statement.ts, without Node.
import { type Bytes, concat, counted, sha256, uint64, utf8 } from './bytes.ts';
import type { Token } from './messages.ts';

/** Highest seq. */
export const SEQ_MAX = BigInt(Number.MAX_SAFE_INTEGER);
/** Bytes of labels at most. */
const LABELS_BYTES_MAX = 512;
/** Characters of a label's key at most. */
const LABEL_KEY_CHARS_MAX = 63;
const SEAL_KEY_BYTES = 32;

/** Characters of names, and of the keys of labels (T2). */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

export function isName(text: string): boolean {
  return NAME.test(text);
}

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

/** Prints labels as a token carries them. Throws TypeError if one breaks the rules. */
export function printLabels(labels: Readonly<Record<string, string>>): string {
  const text = Object.entries(labels)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join('\n');
  if (parseLabels(text) === undefined) throw new TypeError('labels break the rules of the protocol');
  return text;
}

/** Parses labels; undefined if the text breaks the rules. */
export function parseLabels(text: string): Readonly<Record<string, string>> | undefined {
  if (text === '') return {};
  const labels: [string, string][] = [];
  if (utf8(text).length > LABELS_BYTES_MAX) return undefined;
  let last = '';
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    const [key, value] = [line.slice(0, Math.max(at, 0)), line.slice(at + 1)];
    if (!isName(key) || key.length > LABEL_KEY_CHARS_MAX || key <= last || /\p{Cc}/u.test(value)) return undefined;
    labels.push([key, value]);
    last = key;
  }
  return Object.fromEntries(labels);
}
