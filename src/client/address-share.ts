// Names with several addresses: each address has its share of the time. Node's own 250 ms are less than a handshake takes
// over a long or lossy line, and the address that works would be given up for one that does not.
import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** A lost SYN is sent again after a second: this is enough for one, and bounds what a dead address costs. */
export const ADDRESS_TIMEOUT_MS = 3_000;

/** What net.connect() takes of it. */
export interface AddressShare {
  readonly autoSelectFamily: true;
  /** Milliseconds until the next address is tried. */
  readonly autoSelectFamilyAttemptTimeout: number;
  readonly lookup: LookupFunction;
}

/** Looks a host up, whose addresses share `timeoutMs`; undefined for an IP address. Rejects with the system's error. */
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
