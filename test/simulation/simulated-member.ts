// A member in the simulation, as our client behaves: it keeps one request in work, goes to another server when an answer
// is late, returns the round until its own confirmation is shown, and joins again when its seat has expired.
import type { BarrierView, Command, Reply } from '../../src/registry/command.ts';
import type { Oracle } from './oracle.ts';
import type { Message } from './simulated-server.ts';
import type { SimulatedTokens } from './simulated-tokens.ts';
import type { Owner, Seeded, VirtualTime } from './virtual-time.ts';

export interface MemberWorld {
  readonly time: VirtualTime;
  readonly random: Seeded;
  readonly oracle: Oracle;
  readonly confirmMs: number;
  readonly servers: number;
  readonly lostMessage: number;
  /** Probability that the connection is cut before the answer to a Join arrives, which the member notices. */
  readonly lostJoinReply: number;
  /** Undefined if the cluster admits anybody. */
  readonly tokens: SimulatedTokens | undefined;
  /** Probability that a message takes long. */
  readonly slowMessage: number;
  /** Longest pause between two requests. */
  readonly pollMs: number;
  /** Probability of a move after an answer. */
  readonly moves: number;
  /** Gives a message to the server of this number, if it runs. */
  deliver(server: number, message: Message): void;
}

/** Tag and length of a token, as rosters have them. */
const TOKEN_HEAD = [0xaa, 0x01, 2];
/** Bytes of each token: its head, the client's number and the version of its registration. */
const TOKEN_BYTES = TOKEN_HEAD.length + 2;

export class SimulatedMember implements Owner {
  dead = false;
  frozenUntil = 0;
  /** Since when it has been running without a pause. */
  livingSince: number;
  /** It has been told that the cluster is complete with it. */
  done = false;
  readonly clientId: string;
  readonly #number: number;
  readonly #world: MemberWorld;
  #server: number;
  #version = 0;
  #round: string | undefined;
  /** Hash of the join token that it brings. */
  #token: string | undefined;
  /** It was refused for good. */
  #gaveUp = false;

  constructor(world: MemberWorld, number: number) {
    this.#world = world;
    this.#number = number;
    this.clientId = Buffer.alloc(32, number).toString('hex');
    this.#server = world.random.whole(0, world.servers - 1);
    this.livingSince = world.time.now;
    this.#token = world.tokens?.first;
    void this.#run();
  }

  freeze(ms: number): void {
    const { time } = this.#world;
    this.frozenUntil = Math.max(this.frozenUntil, time.now + ms);
    this.livingSince = this.frozenUntil;
  }

  /** Registers other end points and joins again, at its next turn. */
  move(): void {
    this.#version = (this.#version + 1) % 256;
    this.#joined = false;
    this.#registered = false;
  }

  #registered = false;
  #joined = false;

  async #run(): Promise<void> {
    const { time, random } = this.#world;
    while (!this.#gaveUp) {
      if (!this.#registered) {
        const reply = await this.#ask(this.#registration());
        this.#registered = reply?.kind === 'registered';
        if (!reply) continue;
        if (!this.#registered) await time.sleep(random.between(200, 1_000), this);
        continue;
      }
      if (!this.#joined) {
        await this.#join();
        continue;
      }
      const reply = await this.#ask(this.#question());
      if (!reply) continue;
      if (reply.kind === 'roster') {
        this.#saw(reply);
        if (this.done && this.#world.moves === 0) return;
      } else {
        this.#server = random.whole(0, this.#world.servers - 1);
        this.#refused(reply);
      }
      if (random.chance(this.#world.moves)) this.move();
      await time.sleep(random.between(100, this.#world.pollMs), this);
    }
  }

  async #join(): Promise<void> {
    const { time, random } = this.#world;
    const reply = await this.#ask({
      kind: 'join',
      clientId: this.clientId,
      cluster: { name: 'c' },
      round: this.#round,
      claim: this.#claim,
    });
    if (!reply) return;
    if (reply.kind === 'cluster') {
      this.#joined = true;
      if (reply.round) this.#told(reply.round);
      return;
    }
    if (reply.kind === 'refused' && reply.refusal === 'client-unknown') this.#registered = false;
    this.#refused(reply);
    const retry = reply.kind === 'refused' ? (reply.retryAfterMs ?? 1_000) : 1_000;
    await time.sleep(retry * random.between(0.75, 1.25), this);
  }

  get #claim() {
    return this.#world.tokens && { token: this.#token, time: 0 };
  }

  /** A token that is used up: the operator may have another. Without one, a final refusal ends the member. */
  #refused(reply: Reply): void {
    const { tokens } = this.#world;
    if (!tokens || reply.kind !== 'refused' || reply.refusal !== 'join-token-used-up') return;
    this.#gaveUp = reply.retryAfterMs === undefined && !tokens.mayAdd;
    this.#token = tokens.pick();
  }

  #saw(reply: Reply & { kind: 'roster' }): void {
    const { epoch, round, confirmed } = reply.barrier as BarrierView;
    const own = this.#ownSeat(reply);
    if (round) this.#told(round);
    if (own === undefined) {
      this.#joined = false;
      return;
    }
    if (!round || (confirmed >> BigInt(own)) & 1n) this.#round = undefined;
    if (epoch > 0) this.done = true;
  }

  #told(round: string): void {
    this.#world.oracle.told(round);
    this.#round = round;
  }

  #ownSeat({ which, roster }: Reply & { kind: 'roster' }): number | undefined {
    let place = 0;
    for (let index = 0; index < 64; index++) {
      if (((which >> BigInt(index)) & 1n) === 0n) continue;
      if (roster[place + TOKEN_HEAD.length] === this.#number) return index;
      place += TOKEN_BYTES;
    }
    return undefined;
  }

  #registration(): Command {
    const [clientId, name] = [this.clientId, `node-${this.#number}`];
    const token = Uint8Array.of(...TOKEN_HEAD, this.#number, this.#version);
    return { kind: 'register', clientId, name, sigKeyDigest: clientId, endPointCount: 1, ephemeral: false, token };
  }

  #question(): Command {
    const all = { which: 2n ** 64n - 1n, cursor: undefined, rosterBytesMax: 10_000, sealed: true };
    return {
      kind: 'get-cluster',
      clientId: this.clientId,
      cluster: { name: 'c' },
      ...all,
      round: this.#round,
      claim: this.#claim,
    };
  }

  /** The reply; undefined if it is late, and then the next request goes to another server. */
  async #ask(command: Command): Promise<Reply | undefined> {
    const { time, random, oracle, confirmMs, lostMessage } = this.#world;
    oracle.sent(this.clientId);
    const server = this.#server;
    const reply = await new Promise<Reply | undefined>((resolve) => {
      const answered = (reply: Reply) => {
        const { lostJoinReply } = this.#world;
        const isCut = command.kind === 'join' && lostJoinReply > 0 && random.chance(lostJoinReply);
        time.schedule(random.between(1, 60), this, () => resolve(isCut ? undefined : reply));
      };
      const isLost = random.chance(lostMessage);
      const delay = random.chance(this.#world.slowMessage) ? random.between(500, confirmMs / 6) : random.between(1, 60);
      if (!isLost)
        time.schedule(delay, undefined, () => this.#world.deliver(server, { command, answered, arrivedAt: 0 }));
      time.schedule(confirmMs / 6, this, () => resolve(undefined));
    });
    if (!reply) this.#server = (server + 1) % this.#world.servers;
    return reply;
  }
}
