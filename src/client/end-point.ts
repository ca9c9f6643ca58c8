// End points as members and credentials name them.
import { isEndPoint } from '../wire/member-token.ts';

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
 * for any other text. Members of an RSA dialect are not verified, and some registries of the field pass on any text.
 *
 * @example
 * ```ts
 * const { host, port } = parseEndPoint('[::1]:4001');
 * console.log(host, port); // ::1 4001
 * ```
 */
export function parseEndPoint(text: string): EndPoint {
  if (!isEndPoint(text)) throw new TypeError('an end point should be HOST:PORT, IPv6 in brackets');
  const bare = text.replace(PREFIX, '');
  const colon = bare.lastIndexOf(':');
  return { host: bare.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(bare.slice(colon + 1)) };
}
