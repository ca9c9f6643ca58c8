// Private networks of runs beside each other.
import { expect, it } from 'vitest';
import { PrivateNetwork } from './private-network.ts';

it('takes another number than the network of another run, and leaves that one alone', ({ skip }) => {
  const one = PrivateNetwork.make();
  if (one === undefined) return skip();
  const number = Number(one.there.split('.')[2]);
  const other = PrivateNetwork.make(number - 1)!;
  try {
    expect(other.there).not.toBe(one.there);
    // Throws if the link is gone.
    one.cut();
  } finally {
    other.remove();
    one.remove();
  }
});
