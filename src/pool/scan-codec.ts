// Between stages 1 and 2: packs the state of an unfinished scan into one number. The front end keeps the number with
// the message and never looks inside.
//
//   packed = at(15 bits) hasOp(1) unknownFields(5) clientSpecs(2) tokens(7), lowest bits first
import type { ScanState } from '../wire/message-structure.ts';

const [HAS_OP_AT, UNKNOWN_FIELDS_AT, CLIENT_SPECS_AT, TOKENS_AT] = [15, 16, 21, 23];

/** Packed state of a message before its first attempt. */
export const NO_SCAN = 0;

export function packScan({ at, hasOp, unknownFields, clientSpecs, tokens }: ScanState): number {
  const counts = (unknownFields << UNKNOWN_FIELDS_AT) | (clientSpecs << CLIENT_SPECS_AT) | (tokens << TOKENS_AT);
  return at | (hasOp ? 1 << HAS_OP_AT : 0) | counts;
}

export function unpackScan(packed: number): ScanState {
  const bits = (from: number, to: number) => (packed >> from) & ((1 << (to - from)) - 1);
  return {
    at: bits(0, HAS_OP_AT),
    hasOp: bits(HAS_OP_AT, UNKNOWN_FIELDS_AT) === 1,
    unknownFields: bits(UNKNOWN_FIELDS_AT, CLIENT_SPECS_AT),
    clientSpecs: bits(CLIENT_SPECS_AT, TOKENS_AT),
    tokens: bits(TOKENS_AT, 30),
  };
}
