// IP addresses as limits and trust use them: one spelling each; IPv4-mapped IPv6 counts as IPv4.
import { BlockList, isIP, SocketAddress } from 'node:net';

const MAPPED_IPV4 = '::ffff:';
const GROUPS = 8;
const PREFIX_GROUPS = 4;

/** Normalizes an IP address: no zone, IPv4-mapped IPv6 as IPv4. Undefined if the text is no address. */
export function normalizeAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 4) return text;
  if (family === 0) return undefined;
  const { address } = new SocketAddress({ address: text.split('%', 1)[0]!, family: 'ipv6' });
  const mapped = address.startsWith(MAPPED_IPV4) ? address.slice(MAPPED_IPV4.length) : '';
  return isIP(mapped) === 4 ? mapped : address;
}

/** The unit that limits count: an IPv4 address itself, or the /64 of an IPv6 address, which one host may own. */
export function addressHolder(address: string): string {
  if (!address.includes(':')) return address;
  const [head, tail] = address.split('::') as [string, string?];
  const left = head === '' ? [] : head.split(':');
  // A dotted IPv4 ending stands for two groups.
  const right = tail === undefined || tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0);
  const zeros = tail === undefined ? 0 : GROUPS - left.length - right;
  const groups = [...left, ...new Array<string>(zeros).fill('0'), ...(tail ? tail.split(':') : [])];
  return `${groups.slice(0, PREFIX_GROUPS).join(':')}::/64`;
}

/** Bound of the lookup cache. BlockList lookups are slow, and most addresses recur. */
const REMEMBERED_MAX = 1_024;

/** A set of networks. */
export class Networks {
  readonly #list = new BlockList();
  readonly #remembered = new Map<string, boolean>();
  readonly #empty: boolean;

  /** Takes CIDRs that `isCidr` has accepted. */
  constructor(cidrs: readonly string[]) {
    this.#empty = cidrs.length === 0;
    for (const cidr of cidrs) {
      const [address, bits] = cidr.split('/') as [string, string];
      this.#list.addSubnet(address, Number(bits), isIP(address) === 4 ? 'ipv4' : 'ipv6');
    }
  }

  /** True if one of the networks contains the address, which `normalizeAddress` has spelled. */
  has(address: string): boolean {
    if (this.#empty) return false;
    let inside = this.#remembered.get(address);
    if (inside === undefined) {
      inside = this.#list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
      if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
      this.#remembered.set(address, inside);
    }
    return inside;
  }
}

/**
 * True for `10.0.0.0/8` or `fd00::/8`. A single address needs its /32 or /128. Rejects IPv4-mapped IPv6, which
 * normalized addresses never match.
 */
export function isCidr(text: string): boolean {
  const match = /^([0-9A-Fa-f:.]+)\/(\d{1,3})$/.exec(text);
  const family = match === null ? 0 : isIP(match[1]!);
  return family !== 0 && !/^::ffff:/i.test(match![1]!) && Number(match![2]) <= (family === 4 ? 32 : 128);
}
