// Clients that register, come back, create and join at random. They record each acknowledgement at once, until the
// server is gone.
import type { FieldRegistry } from '../field/field-registry.ts';
import { WIRES } from '../field/field-registry.ts';
import { makeMemberKeys, signedToken } from '../field/member-keys.ts';
import type { Journal } from './journal.ts';

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** A seeded source of numbers. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    // A linear congruential step, then an avalanche of its bits: sufficient for choices.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    let bits = state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x45d9f3b);
    bits = Math.imul(bits ^ (bits >>> 15), 0x45d9f3b);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** A registered client that may come back. */
interface Known {
  readonly name: string;
  readonly clientId: Buffer;
  version: number;
}

/** Runs clients one after the other until a connection fails. A refusal of the registry is no failure. */
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
      // A full cluster and a name in use are valid replies.
      const joined = await client.request({ op: 7, clusterName });
      if (joined.op === 8) journal.joined(joined.clusterId!.toString('hex'), clientId.toString('hex'));
    } finally {
      client.close();
    }
  }
}
