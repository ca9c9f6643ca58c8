// End points as members and credentials name them.
import { END_POINT_CHARS_MAX } from '../limits.ts';
import { isEndPoint } from '../wire/member-token.ts';
import { escapeText } from './escape-text.ts';

const PREFIX = /^TcpEndPoint: /;

/** The parts of an end point, as net.connect() takes them. */
export interface EndPoint {
  /** A name or an address; an IPv6 address without brackets. `auto` in the end points of an own member. */
  readonly host: string;
  /** 1 to 65,535. */
  readonly port: number;
}

/**
 * Parses `host:port`, IPv6 in brackets, with or without the prefix `TcpEndPoint: ` of old members (T5). Throws TypeError
 * for any other text, which names the wrong part. Members of an RSA dialect are not verified, and some registries of the
 * field pass on any text.
 *
 * @example
 * ```ts
 * const { host, port } = parseEndPoint('[::1]:4001');
 * console.log(host, port); // ::1 4001
 * ```
 */
export function parseEndPoint(text: string): EndPoint {
  const fault = endPointFault(text);
  if (fault !== undefined) throw new TypeError(fault);
  const bare = text.replace(PREFIX, '');
  const colon = bare.lastIndexOf(':');
  return { host: bare.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(bare.slice(colon + 1)) };
}

/** Says which part keeps a text from being an end point (T5), and shows right ones. Undefined for an end point. */
export function endPointFault(text: string): string | undefined {
  if (isEndPoint(text)) return undefined;
  const right = 'right are 192.0.2.7:4001, node.example:4001, [2001:db8::1]:4001';
  return `the end point "${escapeText(text)}" ${wrongPart(text.replace(PREFIX, ''))}; ${right}`;
}

function wrongPart(text: string): string {
  if (text.length > END_POINT_CHARS_MAX) return `has more than ${END_POINT_CHARS_MAX} characters`;
  if (text.includes('://')) return 'is a URL';
  if (/\s/.test(text)) return 'has a space in it';
  const [, bracketed, host, colon, port = ''] = /^(?:(\[[^\]]*\])|([^:]*))(:?)(.*)$/.exec(text) ?? [];
  if (text.startsWith('[') && !text.includes(']')) return 'has no closing bracket';
  if (bracketed === undefined && port.includes(':')) return 'has several colons: put an IPv6 address in brackets';
  if (host === '') return 'has no host';
  if (colon !== ':' || port === '') return 'has no port';
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) return 'has no port from 1 to 65535';
  if (bracketed !== undefined) return 'has no IPv6 address in its brackets';
  return /^[\d.]+$/.test(host!) ? 'has no valid IPv4 address' : 'has no valid host name';
}
