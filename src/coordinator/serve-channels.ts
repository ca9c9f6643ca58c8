// The coordinator's end of the channels: the questions that have come in are one batch, up to its bound, and while it is served
// the next one gathers where it is.

import { BATCH_COMMANDS_MAX } from '../limits.ts';
import type { Command } from '../registry/command.ts';
import type { AtomicFlag } from '../shared-memory/atomic-flag.ts';
import { Parker } from '../shared-memory/parker.ts';
import type { SpscQueue } from '../shared-memory/spsc-queue.ts';
import type { WorkerChannel } from '../shared-memory/worker-channel.ts';
import { originOf, readCommand, writeReply } from './command-codec.ts';
import type { Coordinator } from './coordinator.ts';

/** Where a command came from, and its reply goes to. */
interface PendingQuery {
  readonly channel: WorkerChannel;
  readonly slot: number;
}

/** How often the event loop gets a turn, at the least, where the thread sleeps on its parker: timers wait so long. */
const TURN_MS = 10;

/** Of a commit of fewer, most of what it takes is the same for any number. */
const SMALL_BATCH = 16;
/** So long a small batch waits for those who are about to ask; its way to the disk takes longer, 1.1 ms with 16 connections. */
const PAUSE_MS = 0.7;
/** Nobody rings it. */
const silence = new Parker(new SharedArrayBuffer(4));

/** How the thread waits. */
export interface Waiting {
  /**
   * On the parker itself, which costs less than being woken through the event loop, and looks there when `ordered` is raised;
   * without, for a store that needs the event loop, it is woken there.
   */
  readonly blocking: boolean;
  /** Where a commit goes to a disk: a small batch waits a moment for what workers have in front of them. */
  readonly gathering: boolean;
}

/** Answers the questions of the channels there are until the coordinator closes. Channels may come and go meanwhile. */
export async function serveChannels(
  coordinator: Coordinator,
  parker: Parker,
  ordered: AtomicFlag,
  channels: ReadonlyMap<unknown, WorkerChannel>,
  { blocking, gathering }: Waiting,
): Promise<void> {
  let turned = performance.now();
  let first = 0;
  for (;;) {
    const { epoch } = parker;
    if (blocking && (ordered.testAndClear() || coordinator.isBusy || performance.now() - turned >= TURN_MS)) {
      await new Promise((resolve) => setImmediate(resolve));
      turned = performance.now();
    }
    if (coordinator.isClosing) return;
    if (gathering && moreIsComing(channels.values())) silence.park(0, PAUSE_MS);
    const { asked, commands, origins, next } = takeBatch([...channels.values()], first);
    first = next;
    if (asked.length === 0) {
      if (!blocking) await parker.parkAsync(epoch);
      // Work that waits for a turn of the event loop would wait for this thread to wake.
      else if (!coordinator.isBusy) parker.park(epoch, TURN_MS);
      continue;
    }
    const replies = await coordinator.ask(commands, origins);
    for (const [place, { channel, slot }] of asked.entries()) {
      writeReply(replies[place]!, channel.responses[slot]!);
      channel.answers.push(slot);
    }
    for (const channel of new Set(asked.map(({ channel }) => channel))) channel.parker.unpark();
  }
}

interface Batch {
  readonly asked: readonly PendingQuery[];
  readonly commands: readonly Command[];
  /** By command, the address whose growth budget pays for it. */
  readonly origins: readonly number[];
  /** The channel that the next batch begins with. */
  readonly next: number;
}

/** Takes BATCH_COMMANDS_MAX questions at most. Goes round the channels from `first`; the next batch begins where this one is full. */
function takeBatch(channels: readonly WorkerChannel[], first: number): Batch {
  const asked: PendingQuery[] = [];
  const commands: Command[] = [];
  const origins: number[] = [];
  for (let passed = 0; passed < channels.length; passed++) {
    const place = (first + passed) % channels.length;
    const channel = channels[place]!;
    const { questions, responses } = channel;
    while (asked.length < BATCH_COMMANDS_MAX) {
      const slot = questions.pop();
      if (slot === undefined) break;
      asked.push({ channel, slot });
      commands.push(readCommand(responses[slot]!));
      origins.push(originOf(responses[slot]!));
    }
    if (asked.length === BATCH_COMMANDS_MAX && questions.length > 0) return { asked, commands, origins, next: place };
  }
  return { asked, commands, origins, next: first };
}

/** Whether few ask, and workers have messages to open: each may ask for something that the same commit would store. */
export function moreIsComing(channels: Iterable<WorkerChannel>): boolean {
  let [asked, unopened] = [0, 0];
  for (const { questions, messages } of channels) {
    asked += lengthOf(questions);
    unopened += lengthOf(messages);
  }
  return asked > 0 && asked < SMALL_BATCH && unopened > 0;
}

/** Questions that wait for the batch under way, as any thread sees it. */
export function waitingQuestions(channels: Iterable<WorkerChannel>): number {
  let waiting = 0;
  for (const { questions } of channels) waiting += lengthOf(questions);
  return waiting;
}

/** The two ends of a queue are not read at once: it may seem shorter than empty. */
function lengthOf(queue: SpscQueue): number {
  return Math.max(0, queue.length);
}
