// Fields of XLRegMsg from 32 on, written a second time from the protocol's page: errors, versions, the barrier, join
// tokens and rosters to keep.

import { bytes, Fields, number, present } from '../wire-fields.ts';

/** The description of a join token, as decoded. */
export interface FieldTokenSpec {
  hash?: Buffer;
  uses?: number;
  ttlMs?: bigint;
  forName?: string;
  replace?: boolean;
  observer?: boolean;
  left?: number;
}

/** The description of a join token, to encode. */
export interface TokenSpecInput {
  readonly hash?: Uint8Array | undefined;
  readonly uses?: number | undefined;
  readonly ttlMs?: number | bigint | undefined;
  readonly forName?: string | undefined;
  readonly replace?: boolean | undefined;
  readonly observer?: boolean | undefined;
}

/** The fields of a decoded reply. */
export interface FormingFields {
  code?: number;
  retryable?: boolean;
  retryAfterMs?: number;
  observedAddress?: string;
  recordedSeq?: bigint;
  clusterVersion?: bigint;
  existed?: boolean;
  confirmMs?: number;
  round?: Buffer;
  confirmed?: bigint;
  epoch?: bigint;
  history?: Buffer;
  emptied?: bigint;
  rosterHash?: Buffer;
  yourSeat?: number;
  joinTokens?: FieldTokenSpec[];
  rosterBody?: Buffer;
  rosterSignature?: Buffer;
}

/** The fields of a request to encode. */
export interface FormingInput {
  readonly waitFor?: number | undefined;
  readonly confirmMs?: number | undefined;
  readonly round?: Uint8Array | undefined;
  readonly knownVersion?: number | bigint | undefined;
  readonly history?: Uint8Array | undefined;
  readonly waitMs?: number | undefined;
  readonly joinToken?: Uint8Array | undefined;
  readonly joinTokens?: readonly TokenSpecInput[] | undefined;
  readonly tokenHashes?: readonly Uint8Array[] | undefined;
}

/** Fields that a registry may send. Requests' own (38, 44, 46, 50, 52) are errors in a reply. */
export const FORMING_FIELDS = [32, 33, 34, 35, 36, 37, 39, 40, 41, 42, 43, 45, 47, 48, 49, 51, 60, 61];
/** Repeated fields among them. */
export const FORMING_REPEATED = [51];

function encodeSpec(spec: TokenSpecInput): Buffer {
  const out: Buffer[] = [];
  bytes(out, 1, spec.hash);
  number(out, 2, spec.uses);
  number(out, 3, spec.ttlMs);
  bytes(out, 4, spec.forName);
  number(out, 5, spec.replace === undefined ? undefined : Number(spec.replace));
  number(out, 6, spec.observer === undefined ? undefined : Number(spec.observer));
  return Buffer.concat(out);
}

/** Appends the fields in the order of their numbers. */
export function encodeForming(out: Buffer[], message: FormingInput): void {
  number(out, 38, message.waitFor);
  number(out, 40, message.confirmMs);
  bytes(out, 41, message.round);
  number(out, 44, message.knownVersion);
  bytes(out, 45, message.history);
  number(out, 46, message.waitMs);
  bytes(out, 50, message.joinToken);
  for (const spec of message.joinTokens ?? []) bytes(out, 51, encodeSpec(spec));
  for (const hash of message.tokenHashes ?? []) bytes(out, 52, hash);
}

function decodeSpec(source: Buffer): FieldTokenSpec {
  const fields = new Fields(source, [1, 2, 3, 4, 5, 6, 7]);
  return present<FieldTokenSpec>({
    hash: fields.bytes(1),
    uses: fields.uint32(2),
    ttlMs: fields.uint64(3),
    forName: fields.text(4),
    replace: fields.bool(5),
    observer: fields.bool(6),
    left: fields.uint32(7),
  });
}

/** Reads the fields of a reply. */
export function decodeForming(fields: Fields): FormingFields {
  const specs = fields.all(51);
  return {
    code: fields.uint32(32),
    retryable: fields.bool(33),
    retryAfterMs: fields.uint32(34),
    observedAddress: fields.text(35),
    recordedSeq: fields.uint64(36),
    clusterVersion: fields.uint64(37),
    existed: fields.bool(39),
    confirmMs: fields.uint32(40),
    round: fields.bytes(41),
    confirmed: fields.uint64(42),
    epoch: fields.uint64(43),
    history: fields.bytes(45),
    emptied: fields.uint64(47),
    rosterHash: fields.bytes(48),
    yourSeat: fields.uint32(49),
    joinTokens: specs.length > 0 ? specs.map(decodeSpec) : undefined,
    rosterBody: fields.bytes(60),
    rosterSignature: fields.bytes(61),
  } as FormingFields;
}
