/** A message does not authenticate, has an impossible length, or a key exchange has no valid result. */
export class NoiseError extends Error {
  override readonly name = 'NoiseError';
}
