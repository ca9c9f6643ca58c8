// Clients that register, come back, create and join at random, and write down every acknowledgement the moment they have
// it, until the server goes away.
import type { FieldRegistry } from '../field/field-registry.ts';
import { WIRES } from '../field/field-registry.ts';
import { makeMemberKeys, signedToken } from '../field/member-keys.ts';
import type { Journal } from './journal.ts';

/** Numbers from 0 up to, but not including, 1. */
export type Random = () => number;

/** A seeded source of them. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    // A linear congruential step and an avalanche of its bits: good enough to choose by.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    let bits = state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x45d9f3b);
    bits = Math.imul(bits ^ (bits >>> 15), 0x45d9f3b);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** A client with a name of its own that may come back. */
interface Known {
  readonly name: string;
  readonly clientId: Buffer;
  version: number;
}

/** Runs one client until its connection fails; whatever the registry refuses is no failure. */
export async function journalLoad(
  registry: FieldRegistry,
  journal: Journal,
  label: string,
  random: Random,
): Promise<void> {
  const keys = makeMemberKeys();
  const known: Known[] = [];
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  for (let i = 0; ; i++) {
    const returning = known.length > 0 && random() < 0.3 ? pick(known) : undefined;
    const name = returning?.name ?? `${label}-${i}`;
    const version = (returning?.version ?? 0) + 1;
    const client = await registry.connect(pick(WIRES));
    try {
      const id = returning && { id: returning.clientId };
      const identified = await client.identify(signedToken({ name, keys, myEnds: [`127.0.0.1:${version}`], ...id }));
      const clientId = identified.clientId!;
      journal.registered(clientId.toString('hex'), version);
      if (returning) returning.version = version;
      else known.push({ name, clientId, version });

      const clusterName = `cluster-${Math.floor(random() * 400)}`;
      const created = await client.create(clusterName, 8);
      journal.created(clusterName, created.clusterId!.toString('hex'));
      // A full cluster, or a name taken there, is an answer like any other.
      const joined = await client.request({ op: 7, clusterName });
      if (joined.op === 8) journal.joined(joined.clusterId!.toString('hex'), clientId.toString('hex'));
    } finally {
      client.close();
    }
  }
}
