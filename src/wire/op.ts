// The message types (M2). Free of Node, for the client of web pages too.

/** The message types (M2). */
export const Op = {
  RegCredRequest: 1,
  RegCredReply: 2,
  Client: 3,
  ClientOK: 4,
  Create: 5,
  CreateReply: 6,
  Join: 7,
  JoinReply: 8,
  GetCluster: 9,
  ClusterMembers: 10,
  Bye: 11,
  Ack: 12,
  Error: 13,
  // Sealed dialect only.
  Leave: 32,
  LeaveReply: 33,
  ChangeTokens: 34,
  TokensReply: 35,
  GetRoster: 36,
  SavedRoster: 37,
} as const;
export type OpName = keyof typeof Op;
export type Op = (typeof Op)[OpName];

const OP_NAMES = new Map<number, OpName>(Object.entries(Op).map(([name, op]) => [op, name as OpName]));

/** Returns the name of a valid Op. */
export function opName(op: Op): OpName {
  return OP_NAMES.get(op)!;
}

/** True for an Op of any dialect. */
export function isOp(value: number): value is Op {
  return OP_NAMES.has(value);
}

/** True for one of the thirteen Ops of the RSA dialects. */
export function isOldOp(value: number): value is Op {
  return isOp(value) && value <= Op.Error;
}
