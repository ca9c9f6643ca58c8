// Versions a.b.c.d as a uint32, with a in the lowest byte. The text omits trailing zero fields (K5).

/** Protocol version of this registry, in HelloReply, RegCredReply and regCred.dat. */
export const PROTOCOL_VERSION: number = 1;

/**
 * `1.2.3.4` → 0x04030201. Undefined unless the text is two to four numbers of 0 to 255.
 *
 * @example
 * ```ts
 * const atLeast = parseVersion('1.2') ?? 0;
 * console.log(atLeast.toString(16)); // 201
 * ```
 */
export function parseVersion(text: string): number | undefined {
  const fields = text.split('.');
  if (fields.length < 2 || fields.length > 4) return undefined;
  let version = 0;
  for (const [place, field] of fields.entries()) {
    if (!/^\d{1,3}$/.test(field) || Number(field) > 255) return undefined;
    version += Number(field) * 256 ** place;
  }
  return version;
}

/**
 * 0x04030201 → `1.2.3.4`; `a.b` at least.
 *
 * @example
 * ```ts
 * console.log(printVersion(regCred.version)); // 1.0
 * ```
 */
export function printVersion(version: number): string {
  const fields = [0, 8, 16, 24].map((shift) => (version >>> shift) & 255);
  while (fields.length > 2 && fields.at(-1) === 0) fields.pop();
  return fields.join('.');
}
