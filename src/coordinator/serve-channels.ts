// Stages 3 and 4, sequential. Pops commands from the `questions` queue of each worker channel, passes up to
// BATCH_COMMANDS_MAX of them to the coordinator as one batch, and pushes the slots with their replies to `answers`. The
// next batch gathers in the queues meanwhile.

import { BATCH_COMMANDS_MAX } from '../limits.ts';
import type { Command } from '../registry/command.ts';
import type { AtomicFlag } from '../shared-memory/atomic-flag.ts';
import { Parker } from '../shared-memory/parker.ts';
import type { SpscQueue } from '../shared-memory/spsc-queue.ts';
import type { WorkerChannel } from '../shared-memory/worker-channel.ts';
import { originOf, readCommand, writeReply } from './command-codec.ts';
import type { Coordinator } from './coordinator.ts';
import { type MarkCollector, markIn, type SentMark } from './marks.ts';

/** The slot that a command came in and its reply goes to. */
interface PendingQuery {
  readonly channel: WorkerChannel;
  readonly slot: number;
}

/** A blocking thread gives the event loop a turn at least this often; timers are late by this much at most. */
const TURN_MS = 10;

/** Below this size, the fixed cost of a commit outweighs that of its commands. */
const SMALL_BATCH = 16;
/** A small batch waits this long for more commands: less than its fsync takes. */
const PAUSE_MS = 0.7;
/** Never unparked, so that parking on it is a pause. */
const pause = new Parker(new SharedArrayBuffer(4));

/** Ways in which the thread waits. */
export interface Waiting {
  /**
   * Parks the thread on the parker, which costs less than a wake-up through the event loop; the event loop then gets a
   * turn when `ordered` is set and every TURN_MS. False for a store that needs the event loop itself.
   */
  readonly blocking: boolean;
  /** A small batch waits PAUSE_MS if workers have unopened messages. For a store that commits to a disk. */
  readonly gathering: boolean;
}

/** Serves `channels` until the coordinator closes. Channels may be added and removed meanwhile. */
export async function serveChannels(
  coordinator: Coordinator,
  parker: Parker,
  ordered: AtomicFlag,
  channels: ReadonlyMap<unknown, WorkerChannel>,
  { blocking, gathering }: Waiting,
  collector: MarkCollector,
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
    if (gathering && moreIsComing(channels.values())) pause.park(0, PAUSE_MS);
    const { pending, marks, commands, origins, next } = takeBatch([...channels.values()], first);
    first = next;
    if (pending.length === 0 && marks.length === 0) {
      if (!blocking) await parker.parkAsync(epoch);
      // Never park while the coordinator waits for a turn of the event loop: it would not get one.
      else if (!coordinator.isBusy) parker.park(epoch, TURN_MS);
      continue;
    }
    const replies = commands.length > 0 ? await coordinator.ask(commands, origins) : [];
    for (const [place, { channel, slot }] of pending.entries()) {
      writeReply(replies[place]!, channel.responses[slot]!);
      channel.answers.push(slot);
    }
    for (const { channel, slot, mark } of marks) {
      collector.passed(mark);
      channel.answers.push(slot);
    }
    for (const channel of new Set([...pending, ...marks].map(({ channel }) => channel))) channel.parker.unpark();
  }
}

interface Batch {
  /** Marks that the batch takes along: all commands before them are in it or served. */
  readonly marks: readonly (PendingQuery & { readonly mark: SentMark })[];
  readonly pending: readonly PendingQuery[];
  readonly commands: readonly Command[];
  /** By command: the origin whose growth budget pays for it (R4). */
  readonly origins: readonly number[];
  /** The channel that the next batch begins with. */
  readonly next: number;
}

/** Pops BATCH_COMMANDS_MAX commands at most, round robin from `first`. A full batch ends at the channel `next`. */
function takeBatch(channels: readonly WorkerChannel[], first: number): Batch {
  const pending: PendingQuery[] = [];
  const marks: (PendingQuery & { readonly mark: SentMark })[] = [];
  const commands: Command[] = [];
  const origins: number[] = [];
  for (let passed = 0; passed < channels.length; passed++) {
    const place = (first + passed) % channels.length;
    const channel = channels[place]!;
    const { questions, responses } = channel;
    while (pending.length < BATCH_COMMANDS_MAX) {
      const slot = questions.pop();
      if (slot === undefined) break;
      const mark = markIn(responses[slot]!);
      if (mark) {
        marks.push({ channel, slot, mark });
        continue;
      }
      pending.push({ channel, slot });
      commands.push(readCommand(responses[slot]!));
      origins.push(originOf(responses[slot]!));
    }
    if (pending.length === BATCH_COMMANDS_MAX && questions.length > 0)
      return { pending, marks, commands, origins, next: place };
  }
  return { pending, marks, commands, origins, next: first };
}

/** True if the batch is small and workers have unopened messages, whose commands could share its commit. */
export function moreIsComing(channels: Iterable<WorkerChannel>): boolean {
  let [queued, unopened] = [0, 0];
  for (const { questions, messages } of channels) {
    queued += lengthOf(questions);
    unopened += lengthOf(messages);
  }
  return queued > 0 && queued < SMALL_BATCH && unopened > 0;
}

/** Commands that wait for the present batch to end. Any thread may call it. */
export function queuedCommands(channels: Iterable<WorkerChannel>): number {
  let waiting = 0;
  for (const { questions } of channels) waiting += lengthOf(questions);
  return waiting;
}

/** The two indexes of a queue are not read at one instant, so the difference can be negative. */
function lengthOf(queue: SpscQueue): number {
  return Math.max(0, queue.length);
}
