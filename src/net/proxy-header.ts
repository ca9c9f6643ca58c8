// The PROXY protocol, version 2: a header that a load balancer sends first on a TCP connection to name the client.
//
//   header = signature(12) version·command(1) family·protocol(1) length(2, big-endian) addresses TLV*
//   addresses: TCP over IPv4  source(4) destination(4) ports(4);  over IPv6  source(16) destination(16) ports(4)
import type { Socket } from 'node:net';
import { normalizeAddress } from '../admission/ip-address.ts';
import { PROXY_HEADER_BYTES_MAX } from '../limits.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_BYTES = 16;
const VERSION_2_LOCAL = 0x20;
const VERSION_2_PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
const IPV4_ADDRESSES_BYTES = 12;
const IPV6_ADDRESSES_BYTES = 36;

/** A parsed header and the bytes behind it. */
export interface ProxiedStart {
  /** The client's address; undefined for a connection of the proxy's own (LOCAL). */
  readonly address: string | undefined;
  readonly rest: Buffer;
}

/** Parses the header at the start of `bytes`. Version 1 is invalid, and so is any protocol but TCP. */
export function parseProxyHeader(bytes: Buffer): ProxiedStart | 'incomplete' | 'invalid' {
  const begun = Math.min(bytes.length, SIGNATURE.length);
  if (!bytes.subarray(0, begun).equals(SIGNATURE.subarray(0, begun))) return 'invalid';
  if (bytes.length < FIXED_BYTES) return 'incomplete';
  const [command, family] = [bytes[12]!, bytes[13]!];
  const end = FIXED_BYTES + bytes.readUInt16BE(14);
  if (command !== VERSION_2_LOCAL && command !== VERSION_2_PROXY) return 'invalid';
  if (end > PROXY_HEADER_BYTES_MAX) return 'invalid';
  if (bytes.length < end) return 'incomplete';
  const rest = bytes.subarray(end);
  if (command === VERSION_2_LOCAL) return { address: undefined, rest };
  const address = sourceAddress(family, bytes.subarray(FIXED_BYTES, end));
  return address === undefined ? 'invalid' : { address, rest };
}

function sourceAddress(family: number, addresses: Buffer): string | undefined {
  if (family === TCP_OVER_IPV4 && addresses.length >= IPV4_ADDRESSES_BYTES) return addresses.subarray(0, 4).join('.');
  if (family !== TCP_OVER_IPV6 || addresses.length < IPV6_ADDRESSES_BYTES) return undefined;
  const groups = Array.from({ length: 8 }, (_, at) => addresses.readUInt16BE(2 * at).toString(16));
  return normalizeAddress(groups.join(':'));
}

/**
 * Reads a header from a socket, in any number of pieces. Calls `done` once, with undefined if no valid header comes
 * within `timeoutMs`. Keeps at most PROXY_HEADER_BYTES_MAX bytes and the piece that exceeds them.
 */
export function readProxyHeader(
  socket: Socket,
  timeoutMs: number,
  done: (start: ProxiedStart | undefined) => void,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const read = (piece: Buffer) => {
    bytes = Buffer.concat([bytes, piece]);
    const start = parseProxyHeader(bytes);
    if (start !== 'incomplete') settle(start === 'invalid' ? undefined : start);
  };
  const giveUp = () => settle(undefined);
  const timeout = setTimeout(giveUp, timeoutMs);
  const settle = (start: ProxiedStart | undefined) => {
    clearTimeout(timeout);
    socket.off('data', read).off('end', giveUp).off('close', giveUp);
    done(start);
  };
  socket.on('data', read).on('end', giveUp).on('close', giveUp);
}
