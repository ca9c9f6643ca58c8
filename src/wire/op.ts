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
} as const;
export type OpName = keyof typeof Op;
export type Op = (typeof Op)[OpName];

/** Returns the name of a valid Op. */
export function opName(op: Op): OpName {
  return OP_NAMES[op - 1]!;
}

const OP_NAMES = Object.keys(Op) as OpName[];

/** True for one of the thirteen Ops. */
export function isOp(value: number): value is Op {
  return value >= 1 && value <= OP_NAMES.length;
}
