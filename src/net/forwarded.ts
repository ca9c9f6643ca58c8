// The client address behind HTTP proxies, by Forwarded (RFC 7239) or X-Forwarded-For. Each proxy appends its peer at
// the right end. So the header is read from the right, and only as far as trusted proxies have written it.
import { type Networks, normalizeAddress } from '../admission/ip-address.ts';

/** The trusted proxies, by the header that they write. */
export interface ForwardedTrust {
  readonly forwarded: Networks;
  readonly xForwardedFor: Networks;
}

/**
 * Returns `peer`, the socket's address, unless it is a trusted proxy. Otherwise returns the rightmost untrusted
 * address; if all are trusted, the leftmost. An unreadable element ends the search at the proxy that wrote it. `header`
 * returns all lines of a header, joined by commas.
 */
export function forwardedFor(peer: string, trust: ForwardedTrust, header: (name: string) => string): string {
  if (trust.forwarded.has(peer)) {
    return walk(peer, trust.forwarded, elements(header('forwarded')), forOf);
  }
  if (trust.xForwardedFor.has(peer)) {
    return walk(peer, trust.xForwardedFor, header('x-forwarded-for').split(',').reverse());
  }
  return peer;
}

/** Follows `elements` while they come from trusted proxies. Reads no more of them than needed. */
function walk(
  peer: string,
  trusted: Networks,
  elements: Iterable<string>,
  nodeOf = (element: string): string => element,
): string {
  let address = peer;
  for (const element of elements) {
    const next = trusted.has(address) ? addressOf(nodeOf(element)) : undefined;
    if (next === undefined) return address;
    address = next;
  }
  return address;
}

/**
 * The elements of Forwarded, last first. The scan goes from the right. So a stranger's text on the left, even an open
 * quote, cannot change the elements of the proxies.
 */
function* elements(header: string): Iterable<string> {
  let end = header.length;
  let quoted = false;
  for (let at = header.length - 1; at >= 0; at--) {
    if (header[at] === '"') quoted = !quoted;
    if (header[at] !== ',' || quoted) continue;
    yield header.slice(at + 1, end);
    end = at;
  }
  yield header.slice(0, end);
}

/** `for="[2001:db8::1]:4711";proto=https` → `[2001:db8::1]:4711`. */
function forOf(element: string): string {
  const pair = element.split(';').find((text) => /^\s*for=/i.test(text)) ?? '';
  return pair.slice(pair.indexOf('=') + 1).replace(/^\s*"(.*)"\s*$/, '$1');
}

/** Parses an address with or without a port. Returns undefined for `unknown`, obfuscated names and anything else. */
function addressOf(node: string): string | undefined {
  const match = /^\s*(?:\[([^\]]*)\](?::\d+)?|([\d.]+)(?::\d+)?|([0-9A-Fa-f:.]+))\s*$/.exec(node);
  return normalizeAddress(match?.[1] ?? match?.[2] ?? match?.[3] ?? '');
}
