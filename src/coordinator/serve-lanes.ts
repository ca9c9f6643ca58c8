// The coordinator's end of the lanes: the questions that have come in are one batch, up to its bound, and while it is served
// the next one gathers where it is.
import { Bell } from '../lanes/bell.ts';
import type { Flag } from '../lanes/flag.ts';
import type { Lane } from '../lanes/lane.ts';
import type { SlotQueue } from '../lanes/slot-queue.ts';
import { BATCH_COMMANDS_MAX } from '../limits.ts';
import type { Command } from '../registry/command.ts';
import type { Coordinator } from './coordinator.ts';
import { originOf, packReply, unpackCommand } from './packed-command.ts';

/** Where a command came from, and its reply goes to. */
interface Asked {
  readonly lane: Lane;
  readonly slot: number;
}

/** How often the event loop gets a turn, at the least, where the thread sleeps on its bell: timers wait so long. */
const TURN_MS = 10;

/** Of a commit of fewer, most of what it takes is the same for any number. */
const SMALL_BATCH = 16;
/** So long a small batch waits for those who are about to ask; its way to the disk takes longer, 1.1 ms with 16 connections. */
const PAUSE_MS = 0.7;
/** Nobody rings it. */
const silence = new Bell(new SharedArrayBuffer(4));

/** How the thread waits. */
export interface Waiting {
  /**
   * On the bell itself, which costs less than being woken through the event loop, and looks there when `ordered` is raised;
   * without, for a store that needs the event loop, it is woken there.
   */
  readonly blocking: boolean;
  /** Where a commit goes to a disk: a small batch waits a moment for what workers have in front of them. */
  readonly gathering: boolean;
}

/** Answers the questions of the lanes there are until the coordinator closes. Lanes may come and go meanwhile. */
export async function serveLanes(
  coordinator: Coordinator,
  bell: Bell,
  ordered: Flag,
  lanes: ReadonlyMap<unknown, Lane>,
  { blocking, gathering }: Waiting,
): Promise<void> {
  let turned = performance.now();
  let first = 0;
  for (;;) {
    const { rings } = bell;
    if (blocking && (ordered.take() || coordinator.isBusy || performance.now() - turned >= TURN_MS)) {
      await new Promise((resolve) => setImmediate(resolve));
      turned = performance.now();
    }
    if (coordinator.isClosing) return;
    if (gathering && moreIsComing(lanes.values())) silence.wait(0, PAUSE_MS);
    const { asked, commands, origins, next } = takeBatch([...lanes.values()], first);
    first = next;
    if (asked.length === 0) {
      if (!blocking) await bell.heard(rings);
      // Work that waits for a turn of the event loop would wait for this thread to wake.
      else if (!coordinator.isBusy) bell.wait(rings, TURN_MS);
      continue;
    }
    const replies = await coordinator.ask(commands, origins);
    for (const [place, { lane, slot }] of asked.entries()) {
      packReply(replies[place]!, lane.talks[slot]!);
      lane.answers.put(slot);
    }
    for (const lane of new Set(asked.map(({ lane }) => lane))) lane.bell.ring();
  }
}

interface Batch {
  readonly asked: readonly Asked[];
  readonly commands: readonly Command[];
  /** By command, the address whose growth budget pays for it. */
  readonly origins: readonly number[];
  /** The lane that the next batch begins with. */
  readonly next: number;
}

/** Takes BATCH_COMMANDS_MAX questions at most. Goes round the lanes from `first`; the next batch begins where this one is full. */
function takeBatch(lanes: readonly Lane[], first: number): Batch {
  const asked: Asked[] = [];
  const commands: Command[] = [];
  const origins: number[] = [];
  for (let passed = 0; passed < lanes.length; passed++) {
    const place = (first + passed) % lanes.length;
    const lane = lanes[place]!;
    const { questions, talks } = lane;
    while (asked.length < BATCH_COMMANDS_MAX) {
      const slot = questions.take();
      if (slot === undefined) break;
      asked.push({ lane, slot });
      commands.push(unpackCommand(talks[slot]!));
      origins.push(originOf(talks[slot]!));
    }
    if (asked.length === BATCH_COMMANDS_MAX && questions.length > 0) return { asked, commands, origins, next: place };
  }
  return { asked, commands, origins, next: first };
}

/** Whether few ask, and workers have messages to open: each may ask for something that the same commit would store. */
export function moreIsComing(lanes: Iterable<Lane>): boolean {
  let [asked, unopened] = [0, 0];
  for (const { questions, messages } of lanes) {
    asked += lengthOf(questions);
    unopened += lengthOf(messages);
  }
  return asked > 0 && asked < SMALL_BATCH && unopened > 0;
}

/** Questions that wait for the batch under way, as any thread sees it. */
export function waitingQuestions(lanes: Iterable<Lane>): number {
  let waiting = 0;
  for (const { questions } of lanes) waiting += lengthOf(questions);
  return waiting;
}

/** The two ends of a queue are not read at once: it may seem shorter than empty. */
function lengthOf(queue: SlotQueue): number {
  return Math.max(0, queue.length);
}
