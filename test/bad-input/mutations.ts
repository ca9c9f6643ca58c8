// Random changes of bytes, for fuzzing. Equal choices give equal changes.

/** A source of numbers from 0 to 1. */
export type Random = () => number;

/** A whole number below `end`. */
export function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}

export function choose<T>(random: Random, items: readonly T[]): T {
  return items[below(random, items.length)]!;
}

export function someBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) bytes[at] = below(random, 256);
  return bytes;
}

/** Bytes that parsers treat in a special way. */
const ODD_BYTES = [0, 1, 2, 0x0f, 0x10, 0x7f, 0x80, 0xfe, 0xff];

type Change = (bytes: Buffer, random: Random, corpus: readonly Buffer[]) => Buffer;

const flipBit: Change = (bytes, random) => {
  const at = below(random, bytes.length);
  bytes[at]! ^= 1 << below(random, 8);
  return bytes;
};
const setByte: Change = (bytes, random) => {
  bytes[below(random, bytes.length)] = random() < 0.5 ? choose(random, ODD_BYTES) : below(random, 256);
  return bytes;
};
const cut: Change = (bytes, random) => bytes.subarray(0, below(random, bytes.length));
const drop: Change = (bytes, random) => {
  const at = below(random, bytes.length);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 8))]);
};
const insert: Change = (bytes, random) => {
  const at = below(random, bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), someBytes(random, 1 + below(random, 16)), bytes.subarray(at)]);
};
const repeat: Change = (bytes, random) => {
  const at = below(random, bytes.length);
  const end = at + 1 + below(random, 64);
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
};
const blank: Change = (bytes, random) => {
  const at = below(random, bytes.length);
  return bytes.fill(choose(random, ODD_BYTES), at, Math.min(bytes.length, at + 1 + below(random, 32)));
};
const splice: Change = (bytes, random, corpus) => {
  const other = choose(random, corpus);
  return Buffer.concat([
    bytes.subarray(0, below(random, bytes.length + 1)),
    other.subarray(below(random, other.length)),
  ]);
};
/** Few changes of length, so that most lengths fit. */
const CHANGES: readonly Change[] = [
  flipBit,
  flipBit,
  flipBit,
  setByte,
  setByte,
  blank,
  cut,
  drop,
  insert,
  repeat,
  splice,
];

/** A changed copy, by one to four changes; at most `bytesMax` long. It may equal the original. */
export function mutated(bytes: Uint8Array, random: Random, corpus: readonly Buffer[], bytesMax: number): Buffer {
  let copy: Buffer = Buffer.from(bytes);
  for (let left = 1 + below(random, 4); left > 0; left--) {
    copy = copy.length === 0 ? someBytes(random, below(random, 64)) : choose(random, CHANGES)(copy, random, corpus);
  }
  return copy.subarray(0, bytesMax);
}
