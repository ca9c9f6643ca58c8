// Whom a proxy forwards an HTTP request for, by Forwarded (RFC 7239) or X-Forwarded-For. Each proxy adds its peer at the
// right end, so it is read from there, and no further than proxies that are trusted have written it.
import { type Networks, normalizeAddress } from '../admission/ip-address.ts';

/** The proxies whose header is believed, by which header it is. */
export interface ForwardedTrust {
  readonly forwarded: Networks;
  readonly xForwardedFor: Networks;
}

/**
 * The rightmost address that is no trusted proxy's; `peer`, whom the socket is connected to, where it is none itself. What
 * cannot be read ends the search at the proxy that wrote it. `header` gives all lines of a header, joined by commas.
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

/** Reads no more elements than it needs. */
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
 * The elements of Forwarded, last first. Read from the right: what a stranger wrote on the left, quotes left open included,
 * does not change how the elements of the proxies read.
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

/** With or without a port; undefined for `unknown`, hidden names and anything else. */
function addressOf(node: string): string | undefined {
  const match = /^\s*(?:\[([^\]]*)\](?::\d+)?|([\d.]+)(?::\d+)?|([0-9A-Fa-f:.]+))\s*$/.exec(node);
  return normalizeAddress(match?.[1] ?? match?.[2] ?? match?.[3] ?? '');
}
