// Divides the connect timeout between the addresses of one host name. Node's default of 250 ms is shorter than a
// handshake over a long or lossy line. Node would then give up a good address for a dead one.
import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** TCP resends a lost SYN after one second. This allows for one loss and bounds the cost of a dead address. */
export const ADDRESS_TIMEOUT_MS = 3_000;

/** Options for net.connect(). */
export interface AddressShare {
  readonly autoSelectFamily: true;
  /** Milliseconds until the next address is tried. */
  readonly autoSelectFamilyAttemptTimeout: number;
  readonly lookup: LookupFunction;
}

/**
 * Resolves a host name whose addresses share `timeoutMs`. Returns undefined for an IP address. Rejects with the
 * system's error.
 */
export async function addressShare(host: string, timeoutMs: number): Promise<AddressShare | undefined> {
  if (isIP(host) !== 0) return undefined;
  const addresses = await new Promise<dns.LookupAddress[]>((resolve, reject) =>
    dns.lookup(host, { all: true }, (error, found) => (error ? reject(error) : resolve(found))),
  );
  return {
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: Math.ceil(Math.min(timeoutMs / addresses.length, ADDRESS_TIMEOUT_MS)),
    lookup: (_, options, found) => {
      if (options.all) found(null, addresses);
      else found(null, addresses[0]!.address, addresses[0]!.family);
    },
  };
}
