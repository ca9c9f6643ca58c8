// A registry of one or two server processes, and members that are processes of their own, for clusters whose members
// are killed while they form.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import {
  connect,
  loadMember,
  type Member,
  parseRegCred,
  type RegCred,
  type RegistrySession,
  saveMember,
} from '../../src/client/index.ts';
import { type RunningXlreg, startXlreg } from '../cli/xlreg-process.ts';
import { copyIdentity } from '../support/identity-copy.ts';
import { newMember } from '../support/new-member.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { THOROUGH } from '../support/thorough.ts';
import { Gate } from './gate.ts';

/** Members of a cluster. Three suffice for each stage: one is killed, one is held up and one watches. */
export const SIZE = THOROUGH ? 5 : 3;
/** Long enough for a round that passes and a busy machine. */
const WAIT_S = 150;
/** Vitest runs so many concurrent tests at a time. */
const LANES = 5;

/** The registry under test. `program` is etcd's, for its store. */
export interface Setting {
  readonly store: 'memory' | 'lmdb' | 'etcd';
  readonly servers: 1 | 2;
  readonly program?: string | undefined;
  /** Clusters that form at a time; 5 by default. */
  readonly lanes?: number;
}

/** The members of a cluster beside the one that is killed, with homes that one cluster after the other uses. */
export type Lane = readonly { readonly name: string; readonly home: string }[];

/** A roster as one member gets it. */
export interface SeenRoster {
  readonly size: number | undefined;
  readonly epoch: number | undefined;
  readonly members: readonly string[];
}

export class FormingRegistry {
  readonly servers: readonly RegistryProcess[];
  readonly directory: string;
  readonly #etcd: EtcdCluster | undefined;
  readonly #secondDirectory: string | undefined;
  readonly #lanes: Lane[];
  readonly #regCred: RegCred;
  readonly #owner: Member;
  readonly #gates: Gate[] = [];

  private constructor(
    servers: readonly RegistryProcess[],
    parts: {
      etcd: EtcdCluster | undefined;
      second: string | undefined;
      directory: string;
      lanes: Lane[];
      owner: Member;
    },
  ) {
    this.servers = servers;
    this.directory = parts.directory;
    this.#etcd = parts.etcd;
    this.#secondDirectory = parts.second;
    this.#lanes = parts.lanes;
    this.#owner = parts.owner;
    this.#regCred = parseRegCred(servers[0]!.regCredText);
  }

  static async start({ store, servers, program, lanes: count = LANES }: Setting): Promise<FormingRegistry> {
    const etcd = program === undefined ? undefined : await EtcdCluster.start({ program, flags: ['--unsafe-no-fsync'] });
    const args = ['--store', etcd?.store ?? store];
    const one = await startRegistry({ args });
    const second = servers === 2 ? await copyIdentity(one.dataDir) : undefined;
    const all = second === undefined ? [one] : [one, await startRegistry({ args, dataDir: second })];
    const directory = await mkdtemp(join(tmpdir(), 'xlreg-forming-'));
    const owner = newMember({ name: 'owner', endPoints: [] });
    const lanes = await Promise.all(
      Array.from({ length: count }, (_, lane) => makeLane(join(directory, `${lane}`), owner)),
    );
    return new FormingRegistry(all, { etcd, second, directory, lanes, owner });
  }

  async stop(): Promise<(number | null)[]> {
    for (const gate of this.#gates) gate.stop();
    const codes = await Promise.all(this.servers.map((server) => server.stop()));
    await this.#etcd?.stop();
    for (const path of [this.directory, this.#secondDirectory])
      if (path) await rm(path, { recursive: true, force: true });
    return codes;
  }

  /** Runs a test with a lane of its own. */
  async withLane<T>(test: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = this.#lanes.pop();
    if (!lane) throw new Error('more clusters form at a time than there are lanes');
    try {
      return await test(lane);
    } finally {
      this.#lanes.push(lane);
    }
  }

  /** An address of the registry; members that count up are on its servers in turn. */
  address(number: number): string {
    return `127.0.0.1:${this.servers[number % this.servers.length]!.tcpPort}`;
  }

  async gate(number: number): Promise<Gate> {
    const gate = await Gate.to(this.servers[number % this.servers.length]!.tcpPort);
    this.#gates.push(gate);
    return gate;
  }

  newHome(): string {
    return join(this.directory, `home-${randomBytes(8).toString('hex')}`);
  }

  /** Starts `xlreg join --wait` in a process of its own. `flags` say how the cluster is made. */
  join(cluster: string, name: string, home: string, address: string, flags: readonly string[]): RunningXlreg {
    const place = ['--home', home, '--end-point', `127.0.0.1:${4_000 + name.charCodeAt(0)}`, '--connect', address];
    return startXlreg(['join', cluster, '--name', name, ...place, '--wait', String(WAIT_S), '--json', ...flags], {
      cwd: this.directory,
      env: { XLREG_REGISTRY: join(this.servers[0]!.dataDir, 'regCred.dat') },
      timeoutMs: (WAIT_S + 10) * 1_000,
    });
  }

  /** A session of the owner of clusters that admit by join tokens. */
  async asOwner<T>(ask: (session: RegistrySession) => Promise<T>): Promise<T> {
    const session = await connect(this.#regCred, { connect: this.address(0) });
    try {
      await session.identify(this.#owner);
      return await ask(session);
    } finally {
      session.close();
    }
  }

  /** Reads a cluster with the keys of a home. */
  async seenFrom(home: string, clusterId: string, number: number): Promise<SeenRoster> {
    const member = (await loadMember(home))!;
    const session = await connect(this.#regCred, { connect: this.address(number) });
    try {
      await session.identify(member);
      const { size, epoch, members } = await session.cluster({ id: clusterId });
      return {
        size,
        epoch,
        members: members.map(({ index, name, id, endPoints }) => `${index} ${name} ${id} ${endPoints}`),
      };
    } finally {
      session.close();
    }
  }
}

/** Makes the homes of the other members. All share one comms key, since nothing is encrypted to it. */
async function makeLane(directory: string, { commsKey }: Member): Promise<Lane> {
  return await Promise.all(
    ['alice', 'bob', 'carol', 'dave'].slice(0, SIZE - 1).map(async (name) => {
      const home = join(directory, name);
      await saveMember(home, { ...newMember({ name, endPoints: [] }), commsKey });
      return { name, home };
    }),
  );
}
