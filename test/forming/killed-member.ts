// One cluster of member processes, of which one is killed at a chosen stage of forming and started again.
import { expect } from 'vitest';
import { createJoinToken, loadMember } from '../../src/client/index.ts';
import type { RunningXlreg } from '../cli/xlreg-process.ts';
import { type FormingRegistry, type Lane, SIZE } from './forming-registry.ts';
import type { Gate, Stop } from './gate.ts';

/** Confirm times in seconds: the shortest there is if a round has to pass, else one that a busy machine keeps. */
const CONFIRM_S = { passes: 15, lasts: 30 } as const;
const VICTIM = 'victim';

/** The messages of a member that creates and joins: 1 Hello, 2 Client, 3 Create, 4 Join, 5 its first GetCluster. */
const FIRST: Readonly<Record<string, Stop>> = {
  'after its Hello': { reply: 1 },
  'after its keys are on disk': { request: 2 },
  'after Client': { reply: 2 },
  'after Create': { reply: 3 },
  'after the first Join': { reply: 4 },
};
/** A member with a join token does not create: 3 is its Join. A token has as many uses as seats. */
const FULL: Readonly<Record<string, { readonly stop: Stop; readonly byToken: boolean }>> = {
  'after the last Join, by a token that it uses up': { stop: { reply: 3 }, byToken: true },
  'after it has joined and before it confirms': { stop: { request: 5 }, byToken: false },
};
const JOIN_WITH_TOKEN: Stop = { request: 3 };
const FIRST_GET_CLUSTER_WITH_TOKEN: Stop = { request: 4 };

/** Stages of a full cluster. */
export const FULL_STAGES: readonly string[] = [
  ...Object.keys(FULL),
  'after it has confirmed and before the others have',
  'after the completion and before it is told',
];

/** All stages, those first in which a round may have to pass. */
export const STAGES: readonly string[] = [...Object.keys(FIRST).reverse(), ...FULL_STAGES];

/** The state in which the killed member comes back. */
export type Return = 'with its home' | 'without its home';

/** Runs the case in a cluster of its own. Rejects or throws unless all members agree on a complete cluster. */
export async function killAndReturn(registry: FormingRegistry, stage: string, back: Return, lane: Lane): Promise<void> {
  const cluster = `${stage} ${back}`.replaceAll(/\W+/g, '-');
  const first = FIRST[stage];
  const full = FULL[stage];
  const passes = back === 'without its home' && (first || full);
  const forming = new KilledMember(registry, cluster, lane, back, passes ? CONFIRM_S.passes : CONFIRM_S.lasts);
  if (first) await forming.killedFirst(first);
  else if (full) await forming.killedInFull(full);
  else await forming.killedConfirmed(stage.startsWith('after the completion'));
}

class KilledMember {
  readonly #registry: FormingRegistry;
  readonly #cluster: string;
  readonly #lane: Lane;
  readonly #back: Return;
  readonly #home: string;
  readonly #confirmS: number;
  #flags: readonly string[];
  #others: RunningXlreg[] = [];

  constructor(registry: FormingRegistry, cluster: string, lane: Lane, back: Return, confirmS: number) {
    this.#registry = registry;
    this.#cluster = cluster;
    this.#lane = lane;
    this.#back = back;
    this.#home = registry.newHome();
    this.#confirmS = confirmS;
    this.#flags = ['--create', '--size', String(SIZE), '--confirm', String(confirmS)];
  }

  /** It is killed before any other member is there. */
  async killedFirst(stop: Stop): Promise<void> {
    const gate = await this.#registry.gate(0);
    const reached = gate.stopAt(stop);
    const victim = this.#start(this.#home, gate.address);
    await Promise.race([reached, endedEarly(victim)]);
    await kill(victim);
    this.#startOthers();
    const { home, joined } = this.#restart();
    await this.#isComplete(home, [...this.#others, joined]);
  }

  /** It takes the last seat, and is killed before it confirms. */
  async killedInFull({ stop, byToken }: { readonly stop: Stop; readonly byToken: boolean }): Promise<void> {
    if (byToken) await this.#createWithToken();
    this.#startOthers();
    await this.#others[0]!.said(new RegExp(`${SIZE - 1} of ${SIZE} members`));
    const successor = byToken && this.#back === 'without its home' ? await this.#successor() : undefined;
    const gate = await this.#registry.gate(0);
    const reached = gate.stopAt(stop);
    const victim = this.#start(this.#home, gate.address);
    await Promise.race([reached, endedEarly(victim)]);
    // The round will give back the use that the lost keys have had.
    await successor?.isRefused();
    await this.#others[0]!.said(/not yet confirmed: victim\n/);
    await kill(victim);
    const { home, joined } = successor ?? this.#restart();
    await this.#isComplete(home, [...this.#others, joined]);
  }

  /** Starts the member with new keys before the old ones have the last use, and holds its Join back until isRefused(). */
  async #successor() {
    const gate = await this.#registry.gate(1);
    const held = gate.stopAt(JOIN_WITH_TOKEN);
    const home = this.#registry.newHome();
    const joined = this.#start(home, gate.address);
    await Promise.race([held, endedEarly(joined)]);
    const isRefused = async () => {
      gate.open();
      await joined.said(/join token used up; .*trying again\n/);
    };
    return { home, joined, isRefused };
  }

  /**
   * It has confirmed, which another member has not. It is killed then, or after the completion, of which it hears
   * nothing. New keys take its seat by a join token.
   */
  async killedConfirmed(afterCompletion: boolean): Promise<void> {
    await this.#createWithToken();
    const slow = await this.#registry.gate(1);
    const held = slow.stopAt(FIRST_GET_CLUSTER_WITH_TOKEN);
    this.#startOthers(slow);
    await Promise.race([held, endedEarly(this.#others.at(-1)!)]);
    await this.#others[0]!.said(new RegExp(`${SIZE - 1} of ${SIZE} members`));
    const gate = await this.#registry.gate(0);
    const victim = this.#start(this.#home, gate.address);
    await this.#others[0]!.said(new RegExp(`not yet confirmed: ${this.#lane.at(-1)!.name}\\n`));
    if (afterCompletion) {
      gate.shut();
      slow.open();
      for (const { ended } of this.#others) expect(await ended).toMatchObject({ code: 0 });
      await kill(victim);
    } else {
      await kill(victim);
      slow.open();
    }
    if (this.#back === 'without its home') await this.#giveToken();
    const { home, joined } = this.#restart();
    await this.#isComplete(home, [...this.#others, joined]);
  }

  /** The owner creates the cluster. */
  async #createWithToken(): Promise<void> {
    const token = createJoinToken();
    const spec = { size: SIZE, confirmMs: this.#confirmS * 1_000, joinTokens: [{ token }] };
    await this.#registry.asOwner((session) => session.create(this.#cluster, spec));
    this.#flags = ['--token', token];
  }

  /** The owner lets other keys have the seat. */
  async #giveToken(): Promise<void> {
    const token = createJoinToken();
    const add = [{ token, uses: 1, forName: VICTIM, replace: true }];
    await this.#registry.asOwner((session) => session.changeJoinTokens(this.#cluster, { add }));
    this.#flags = ['--token', token];
  }

  #start(home: string, address: string): RunningXlreg {
    return this.#registry.join(this.#cluster, VICTIM, home, address, this.#flags);
  }

  /** Starts the other members on the servers in turn, the last one behind `slow`. */
  #startOthers(slow?: Gate): void {
    this.#others = this.#lane.map(({ name, home }, i) => {
      const address = slow && i === this.#lane.length - 1 ? slow.address : this.#registry.address(i);
      return this.#registry.join(this.#cluster, name, home, address, this.#flags);
    });
  }

  /** Starts the member again, at another server if there is one. */
  #restart(): { readonly home: string; readonly joined: RunningXlreg } {
    const home = this.#back === 'with its home' ? this.#home : this.#registry.newHome();
    return { home, joined: this.#start(home, this.#registry.address(1)) };
  }

  /** All members end, and each, asked at any server, gets the same complete roster. */
  async #isComplete(home: string, running: readonly RunningXlreg[]): Promise<void> {
    const ended = await Promise.all(running.map((one) => one.ended));
    const failed = ended.filter(({ code }) => code !== 0).map(({ code, stderr }) => `${code}: ${stderr}`);
    expect(failed).toEqual([]);
    const { clusterId, id, complete } = JSON.parse(ended.at(-1)!.stdout) as Record<string, unknown>;
    expect(complete).toBe(true);
    const homes = [...this.#lane.map((member) => member.home), home];
    const seen = await Promise.all(homes.map((one, i) => this.#registry.seenFrom(one, clusterId as string, i)));
    const [roster] = seen;
    for (const other of seen) expect(other).toEqual(roster);
    expect(roster).toMatchObject({ size: SIZE });
    expect(roster!.epoch).toBeGreaterThanOrEqual(1);
    const ids = await Promise.all(homes.map(async (one) => (await loadMember(one))!.id!));
    expect(roster!.members.map((member) => member.split(' ')[2]).sort()).toEqual([...ids].sort());
    const former = await loadMember(this.#home);
    if (former) expect(former.id === id).toBe(this.#back === 'with its home');
  }
}

/** Ends a process as a crash does. */
async function kill({ child, ended }: RunningXlreg): Promise<void> {
  child.kill('SIGKILL');
  expect((await ended).code).toBe(null);
}

async function endedEarly({ ended }: RunningXlreg): Promise<never> {
  const { code, stderr } = await ended;
  throw new Error(`the member ended with ${code}: ${stderr}`);
}
