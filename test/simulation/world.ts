// One run: two servers, the members of a cluster, ghosts that die while it forms, and faults, all from a seed.
import type { Command } from '../../src/registry/command.ts';
import type { TokenSpec } from '../../src/registry/join-token-spec.ts';
import { MiniEtcd } from './mini-etcd.ts';
import { Oracle } from './oracle.ts';
import { type MemberWorld, SimulatedMember } from './simulated-member.ts';
import { SimulatedServer } from './simulated-server.ts';
import type { StoreWorld } from './simulated-store.ts';
import { SimulatedTokens } from './simulated-tokens.ts';
import { CORRECT, type Variant } from './variants.ts';
import { Seeded, VirtualTime } from './virtual-time.ts';

/** The result of a run. */
export interface Run {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly completedAfterMs: number;
  readonly rounds: number;
  readonly removed: number;
  readonly admitsByToken: boolean;
  /** Roster bodies of the complete cluster. */
  readonly bodies: number;
}

const CLUSTER_ID = 'c0'.repeat(32);
const CONFIRM_MS = 15_000;
/** Faults happen before this time. */
const FAULTS_UNTIL_MS = 70_000;
/** N nodes that are up have to be complete so long after the faults: ghosts may take all seats more than once. */
const COMPLETE_WITHIN_MS = 12 * CONFIRM_MS;
/** Members that move go on for so long after the completion. */
const MOVES_AFTER_MS = 4_000;

/** Runs one seed. `ghostsMost` ghosts join and die at most. */
export async function run(seed: number, variant: Variant = CORRECT, ghostsMost = 10): Promise<Run> {
  const random = new Seeded(seed);
  const time = new VirtualTime();
  const size = random.whole(2, 5);
  const members = new Map<string, SimulatedMember>();
  const kind = kindOf(random, new Seeded(~seed));
  const servers: SimulatedServer[] = [];
  const world = worldOf(size, kind, { time, random, members, servers });
  const { oracle, tokens } = world;
  const start = (number: number) => {
    servers[number] = new SimulatedServer(world, number, variant, CLUSTER_ID, (what) => oracle.fail(what));
  };
  start(0);
  start(1);
  const faults = new Faults(world, servers, start, members, kind);
  oracle.onRound = () => faults.roundBegan();
  await time.run(10, () => false);
  void servers[0]!.coordinator.ask(createdBy(size, tokens));
  await time.run(3_000, () => false);

  for (let number = 1; number <= size; number++) {
    time.schedule(random.between(0, 25_000), undefined, () => {
      const member = new SimulatedMember(world, number);
      members.set(member.clientId, member);
    });
  }
  const ghosts = kind.stalls || random.chance(0.5) ? random.whole(kind.stalls ? 2 : 0, ghostsMost) : 0;
  for (let ghost = 0; ghost < ghosts; ghost++) {
    time.schedule(random.between(0, 30_000), undefined, () => {
      const member = new SimulatedMember(world, 100 + ghost);
      time.schedule(random.between(100, 6_000), undefined, () => {
        member.dead = true;
      });
    });
  }
  faults.schedule();
  // Ghosts may complete the cluster before they die; who has no seat then stays without.
  const isDone = ({ done, clientId }: SimulatedMember) => done || (oracle.completed && !oracle.hasSeat(clientId));
  const failed = () => oracle.violations.length > 0;
  const isOver = () => failed() || (members.size === size && [...members.values()].every(isDone));
  await time.run(FAULTS_UNTIL_MS + (kind.stalls === 'often' ? 4 : 1) * COMPLETE_WITHIN_MS, isOver);
  if (!isOver()) oracle.fail(`not complete although all ${size} nodes are up`);
  const completedAfterMs = time.now;
  // Members that move go on, so the roster has more epochs.
  if (kind.busy) await time.run(time.now + MOVES_AFTER_MS, failed);
  for (const server of servers) server.dead = true;
  const { violations, rounds, removed, rosters } = oracle;
  return { seed, violations, completedAfterMs, rounds, removed, admitsByToken: !!tokens, bodies: rosters.bodies };
}

/** The parts of a run that its world refers to. */
interface RunParts {
  readonly time: VirtualTime;
  readonly random: Seeded;
  readonly members: ReadonlyMap<string, SimulatedMember>;
  readonly servers: readonly SimulatedServer[];
}

function worldOf(size: number, kind: Kind, { time, random, members, servers }: RunParts): StoreWorld & MemberWorld {
  const etcd = new MiniEtcd();
  const oracle = new Oracle(CLUSTER_ID, size, etcd, () => time.now, members, kind.tokens);
  const { rough } = kind;
  return {
    ...{ time, random, etcd, oracle, outageUntil: 0, confirmMs: CONFIRM_MS, servers: 2 },
    tokens: kind.tokens ? new SimulatedTokens(kind.churn, () => oracle.tokens!.left()) : undefined,
    lostMessage: rough ? 0.03 : 0,
    lostJoinReply: kind.tokens ? 0.2 : 0,
    slowMessage: kind.churn ? 0.15 : 0,
    slowest: kind.late ? 150 : 40,
    moves: kind.busy ? 0.5 : 0,
    pollMs: kind.busy || kind.churn ? 500 : CONFIRM_MS / 6,
    odds: rough
      ? { lostRequest: 0.03, lostAnswer: 0.03, lateWrite: 0.02 }
      : { lostRequest: 0, lostAnswer: 0, lateWrite: 0 },
    committed: (before, _request, server) => oracle.committed(before, servers[server]?.table.decided),
    deliver: (server, message) => servers[server]?.receive(message),
  };
}

/** The creator's commands. Its tokens have as many uses as the cluster has seats. */
function createdBy(size: number, tokens: SimulatedTokens | undefined): Command[] {
  const clientId = 'ff'.repeat(32);
  const creator = { clientId, name: 'creator', sigKeyDigest: clientId, endPointCount: 1, ephemeral: false };
  const admits = tokens && { tokens: [{ hash: tokens.first, ttlMs: 0 }], time: 0 };
  return [
    { kind: 'register', ...creator, token: Uint8Array.of(0) },
    {
      ...{ kind: 'create', clientId, name: 'c', id: CLUSTER_ID, size, endPointCount: 1, attrs: 0n },
      ...{ confirmMs: CONFIRM_MS, admits },
    },
  ];
}

/** The course of a run. */
interface Kind {
  /** Messages and writes are lost or late; servers, members and the store fail. */
  readonly rough: boolean;
  /** Members are evicted while others join. */
  readonly churn: boolean;
  /** Members move often. */
  readonly busy: boolean;
  /** Members come back, and servers stall, when a round is about to end. */
  readonly late: boolean;
  /** Both servers stall more often than a round lasts, or than half of it, for the whole run. */
  readonly stalls: false | 'seldom' | 'often';
  /** Both servers are stopped at times, for longer than a round lasts. */
  readonly stops: boolean;
  /** The cluster admits by join tokens. */
  readonly tokens: boolean;
}

/** `more` decides what the first seeds did not have, so that these keep their course. */
function kindOf(random: Seeded, more: Seeded): Kind {
  const kind = {
    rough: random.chance(0.5),
    churn: random.chance(0.25),
    busy: random.chance(0.25),
    late: random.chance(0.35),
  };
  const often = more.chance(0.5) ? 'often' : 'seldom';
  return { ...kind, stalls: random.chance(0.15) && often, stops: more.chance(0.1), tokens: more.chance(0.4) };
}

/** The faults of a run. At least one server runs at any time. */
class Faults {
  readonly #world: StoreWorld & MemberWorld;
  readonly #servers: readonly SimulatedServer[];
  readonly #start: (server: number) => void;
  readonly #members: ReadonlyMap<string, SimulatedMember>;
  readonly #kind: Kind;

  constructor(
    world: StoreWorld & MemberWorld,
    servers: readonly SimulatedServer[],
    start: (server: number) => void,
    members: ReadonlyMap<string, SimulatedMember>,
    kind: Kind,
  ) {
    this.#world = world;
    this.#servers = servers;
    this.#start = start;
    this.#members = members;
    this.#kind = kind;
  }

  schedule(): void {
    const { time, random } = this.#world;
    if (this.#kind.stalls) this.#stallOften();
    if (this.#kind.stops) time.schedule(random.between(20_000, 40_000), undefined, () => this.#stop());
    if (this.#kind.churn) this.#churn();
    if (!this.#kind.rough) return;
    for (let at = 3_000; at < FAULTS_UNTIL_MS; at += random.between(2_000, 12_000)) {
      time.schedule(at - time.now, undefined, () => this.#one());
    }
  }

  /** Some members are away until about the end of the round, and messages wait in a worker then. */
  roundBegan(): void {
    const { time, random } = this.#world;
    if (this.#kind.stops && random.chance(0.5)) {
      time.schedule(random.between(0, 1_000), undefined, () => this.#stallBoth());
    }
    if (!this.#kind.late || time.now > FAULTS_UNTIL_MS) return;
    for (const member of this.#members.values()) {
      if (!random.chance(0.4)) continue;
      const from = random.between(500, 3_000);
      const until = CONFIRM_MS + random.between(-1_000, 2_500);
      time.schedule(from, undefined, () => member.freeze(until - from));
    }
    const stall = () => {
      for (const server of this.#servers) server.stallWorkers(random.between(500, 3_000));
    };
    if (random.chance(0.5)) time.schedule(CONFIRM_MS + random.between(-1_000, 1_000), undefined, stall);
  }

  #churn(): void {
    const { time, random } = this.#world;
    if (time.now > FAULTS_UNTIL_MS) return;
    const server = this.#servers[random.whole(0, 1)]!;
    if (random.chance(0.5)) server.stallWorkers(random.between(600, 2_400));
    else this.#evict(server);
    time.schedule(random.between(200, 1_500), undefined, () => this.#churn());
  }

  #stallOften(): void {
    const { time, random } = this.#world;
    const stall = () => {
      for (const server of this.#servers) server.stallWorker(2_500);
      const [least, most] = this.#kind.stalls === 'often' ? [0.25, 0.45] : [0.75, 0.9];
      time.schedule(random.between(least, most) * CONFIRM_MS, undefined, stall);
    };
    time.schedule(random.between(5_000, 10_000), undefined, stall);
  }

  #stop(): void {
    const { time, random } = this.#world;
    if (time.now > FAULTS_UNTIL_MS) return;
    this.#stallBoth();
    time.schedule(random.between(1.5, 3) * CONFIRM_MS, undefined, () => this.#stop());
  }

  /** No worker of either server takes messages for a while. */
  #stallBoth(): void {
    const { time, random } = this.#world;
    if (time.now > FAULTS_UNTIL_MS) return;
    const ms = random.between(0.5, 1.5) * CONFIRM_MS;
    for (const server of this.#servers) server.stallWorkers(ms);
  }

  #one(): void {
    const { time, random } = this.#world;
    const number = random.whole(0, 1);
    const server = this.#servers[number]!;
    const other = this.#servers[1 - number]!;
    const otherIsUp = !other.dead && other.ready && other.frozenUntil <= time.now;
    const [member] = [...this.#members.values()].slice(random.whole(0, Math.max(0, this.#members.size - 1)));
    switch (random.whole(0, 9)) {
      case 0:
        if (otherIsUp) server.frozenUntil = Math.max(server.frozenUntil, time.now + random.between(500, 20_000));
        return;
      case 1:
        if (!otherIsUp) return;
        server.dead = true;
        time.schedule(random.between(500, 4_000), undefined, () => this.#start(number));
        return;
      case 2:
        this.#world.outageUntil = time.now + random.between(300, 20_000);
        return;
      case 3:
        server.store.cutUntil = time.now + random.between(300, 6_000);
        this.#world.oracle.calmSince = server.store.cutUntil;
        return;
      case 4:
        server.stallWorker(random.between(300, 5_000));
        return;
      case 5:
        member?.freeze(random.between(500, 30_000));
        return;
      case 6:
      case 7:
        member?.move();
        return;
      case 8:
        return this.#evict(server);
      case 9:
        if (member) this.#clone(member);
    }
  }

  /** An operator removes a member while others join. */
  #evict(server: SimulatedServer): void {
    const { random } = this.#world;
    const cluster = server.table.cluster(CLUSTER_ID);
    const seated = cluster?.seats.filter((member) => member !== undefined) ?? [];
    const victim = seated[random.whole(0, Math.max(0, seated.length - 1))];
    if (!victim || server.dead || (this.#world.tokens && !this.#world.tokens.mayAdd)) return;
    void server.coordinator.ask([{ kind: 'evict', cluster: { name: 'c' }, member: { id: victim.clientId } }]);
    if (this.#world.tokens) this.#addToken(this.#world.tokens.next());
  }

  /** The operator adds a join token, and repeats that until a server has answered. */
  #addToken(token: TokenSpec): void {
    const { time, random } = this.#world;
    const add = { kind: 'operate-tokens', cluster: { name: 'c' }, add: [token], revoke: [], time: 0 } as const;
    let done = false;
    const server = this.#servers[random.whole(0, 1)]!;
    void server.coordinator.ask([add]).then(([reply]) => {
      done = reply!.kind === 'tokens';
    });
    time.schedule(3_000, undefined, () => {
      if (!done) this.#addToken(token);
    });
  }

  /** The same home runs twice for a while. */
  #clone(member: SimulatedMember): void {
    const { time, random } = this.#world;
    const clone = new SimulatedMember(this.#world, Number.parseInt(member.clientId.slice(0, 2), 16));
    time.schedule(random.between(1_000, 20_000), undefined, () => {
      clone.dead = true;
    });
  }
}
