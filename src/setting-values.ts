// The kinds of values that settings have: how text becomes a value, and what is wrong with other text.
import { z } from 'zod';
import { TOKEN_END_POINTS_MAX } from './limits.ts';
import { isStoreName } from './store/open-store.ts';
import { isEndPoint } from './wire/member-token.ts';

/** Address to listen on; undefined is `off`. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const listenAddress = z.string().transform((text, context): ListenAddress | undefined => {
  if (text === 'off') return undefined;
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) {
    context.addIssue({ code: 'custom', message: 'should be HOST:PORT or off' });
    return z.NEVER;
  }
  return { host: match[1] ?? match[2]!, port: Number(match[3]) };
});

/** A certificate and its key; undefined is `off`. */
export const certificateFiles = z.string().transform((text, context) => {
  if (text === 'off') return undefined;
  const [cert, key, ...more] = text.split(',');
  if (cert && key && more.length === 0) return { cert, key };
  context.addIssue({ code: 'custom', message: 'should be CERT-FILE,KEY-FILE or off' });
  return z.NEVER;
});

/** The trusted authority and an optional client certificate; undefined is `off`. */
export const authorityAndCertificate = z.string().transform((text, context) => {
  if (text === 'off') return undefined;
  const [ca, cert, key, ...more] = text.split(',');
  if (ca && !cert === !key && more.length === 0 && cert !== '') return { ca, cert, key };
  context.addIssue({ code: 'custom', message: 'should be CA-FILE, CA-FILE,CERT-FILE,KEY-FILE or off' });
  return z.NEVER;
});

/** A whole number: a JSON number in the file, digits in flags and environment. */
export const whole = (least: number, most: number) =>
  z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,15}$/, 'should be a whole number')
        .transform(Number),
    ])
    .pipe(z.number().int(wholeText(least, most)).min(least, wholeText(least, most)).max(most, wholeText(least, most)));

/** The largest safe integer is no bound of a setting. */
const wholeText = (least: number, most: number) =>
  `should be a whole number${most === Number.MAX_SAFE_INTEGER ? ` from ${least}` : `, ${least} to ${most}`}`;

/** A time such as 90s, 30m, 6h or 7d, in milliseconds; a year at most. */
export const duration = z
  .string()
  .regex(/^[1-9]\d{0,7}[smhd]$/, 'should be a number with s, m, h or d, such as 6h')
  .transform((text) => Number(text.slice(0, -1)) * UNIT_MS[text.at(-1) as keyof typeof UNIT_MS])
  .refine((ms) => ms <= 365 * UNIT_MS.d, 'should be 365d at most');

/** Names separated by commas; an empty list is `off`. */
export const list = (isItem: (text: string) => boolean, what: string) =>
  z
    .string()
    .transform((text): readonly string[] => (text === 'off' ? [] : text.split(',')))
    .refine((items) => items.every(isItem), `should be ${what},… or off`);
/** The registry's own token holds them too, so a token's bound applies (T5). */
export const advertised = list(isBareEndPoint, 'HOST:PORT')
  .refine((ends) => ends.length <= TOKEN_END_POINTS_MAX, `should be ${TOKEN_END_POINTS_MAX} end points at most`)
  .refine((ends) => new Set(ends).size === ends.length, 'should name each end point once');

export function isStore(value: unknown): boolean {
  return typeof value === 'string' && isStoreName(value);
}

/** As browsers write it: lower case, a port only if it is not the scheme's. */
export function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** Without `TcpEndPoint: `, which regCred.dat and the registry's token add. */
function isBareEndPoint(text: string): boolean {
  return isEndPoint(text) && !text.includes(' ');
}
