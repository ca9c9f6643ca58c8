// A sealed session of the load whose request waits for a change of a cluster.
import { generateKeyPairSync, hash } from 'node:crypto';
import { longOf, type Message, Op } from '../../src/wire/message.ts';
import { signPss } from '../../src/wire/pss.ts';
import { exportSpki } from '../../src/wire/rsa-key.ts';
import { clientProof, signStatement, statementBytes, statementDigest } from '../../src/wire/statement.ts';
import type { Exchange, LoadMember, Registry } from '../load/exchange.ts';
import { openSession } from '../load/field-session.ts';
import type { ServerProcess } from '../measure/server-process.ts';

export const SIZE = 64;
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const spki = exportSpki(publicKey);

export function registryOn({ regCred }: ServerProcess): Registry {
  return { regCred, transport: 'tcp', wsUrl: undefined, dialect: 'sealed' };
}

/** Signs a member's statement. All members have the same key, and an ID of their own. */
export function signedMember({ regCred }: Registry, name: string, endPoint: string, seq: number): LoadMember {
  const unsigned = { Name: name, ID: hash('sha256', name, 'buffer'), CommsKey: spki, SigKey: spki };
  const token = signStatement(regCred.id, { ...unsigned, MyEnds: [endPoint] }, seq, privateKey);
  const digest = statementDigest(statementBytes(regCred.id, token));
  return { token, prove: (handshakeHash) => signPss(privateKey, clientProof(handshakeHash, digest)) };
}

export async function identifiedSession(registry: Registry, member: LoadMember): Promise<Exchange> {
  const exchange = await openSession(registry);
  await exchange.identify(member);
  return exchange;
}

/** Creates the clusters and fills them with SIZE members, which `member` makes. */
export async function fill(
  registry: Registry,
  clusters: readonly string[],
  member: (place: number) => LoadMember,
): Promise<void> {
  for (let place = 0; place < SIZE; place++) {
    const exchange = await identifiedSession(registry, member(place));
    for (const ClusterName of clusters) {
      await exchange({ Op: Op.Create, ClusterName, ClusterSize: SIZE }, Op.CreateReply);
      await exchange({ Op: Op.Join, ClusterName }, Op.JoinReply);
    }
    exchange.close();
  }
}

export class Waiter {
  readonly exchange: Exchange;
  readonly #cluster: string;
  #last: Message = {};

  constructor(exchange: Exchange, cluster: string) {
    this.exchange = exchange;
    this.#cluster = cluster;
  }

  /** Reads the version alone. */
  async begin(): Promise<void> {
    this.#last = await this.exchange(this.#request({ Which: longOf(0n) }), Op.ClusterMembers);
  }

  /** Resolves to the answer to a request that waits for a change. */
  async wait(WaitMs: number): Promise<Message> {
    const { ClusterVersion, History } = this.#last;
    const known = { KnownVersion: ClusterVersion!, History: History!, WaitMs };
    this.#last = await this.exchange(this.#request(known), Op.ClusterMembers);
    return this.#last;
  }

  #request(fields: Message): Message {
    return { Op: Op.GetCluster, ClusterName: this.#cluster, ...fields };
  }
}
