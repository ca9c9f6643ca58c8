// The coordinator's end of the lanes: all questions that have come in are one batch, and while it is served the next one
// gathers where it is.
import type { Bell } from '../lanes/bell.ts';
import type { Flag } from '../lanes/flag.ts';
import type { Lane } from '../lanes/lane.ts';
import type { Command } from '../registry/command.ts';
import type { Coordinator } from './coordinator.ts';
import { packReply, unpackCommand } from './packed-command.ts';

/** Where a command came from, and its reply goes to. */
interface Asked {
  readonly lane: Lane;
  readonly slot: number;
}

/** How often the event loop gets a turn, at the least, where the thread sleeps on its bell: timers wait so long. */
const TURN_MS = 10;

/**
 * Answers the questions of the lanes there are, for ever. Lanes may come and go meanwhile. With `blocking` the thread
 * sleeps on the bell itself, which costs less than being woken through the event loop, and looks there when `ordered` is
 * raised; without, for a store that needs the event loop, it is woken there.
 */
export async function serveLanes(
  coordinator: Coordinator,
  bell: Bell,
  ordered: Flag,
  lanes: ReadonlyMap<unknown, Lane>,
  blocking: boolean,
): Promise<never> {
  let turned = performance.now();
  for (;;) {
    const { rings } = bell;
    if (blocking && (ordered.take() || performance.now() - turned >= TURN_MS)) {
      await new Promise((resolve) => setImmediate(resolve));
      turned = performance.now();
    }
    const asked: Asked[] = [];
    const commands: Command[] = [];
    for (const lane of lanes.values()) {
      for (let slot = lane.questions.take(); slot !== undefined; slot = lane.questions.take()) {
        asked.push({ lane, slot });
        commands.push(unpackCommand(lane.talks[slot]!));
      }
    }
    if (asked.length === 0) {
      if (blocking) bell.wait(rings, TURN_MS);
      else await bell.heard(rings);
      continue;
    }
    const replies = await coordinator.ask(commands);
    for (const [place, { lane, slot }] of asked.entries()) {
      packReply(replies[place]!, lane.talks[slot]!);
      lane.answers.put(slot);
    }
    for (const lane of new Set(asked.map(({ lane }) => lane))) lane.bell.ring();
  }
}

/** Questions that wait for the batch under way, as any thread sees it. */
export function waitingQuestions(lanes: Iterable<Lane>): number {
  let waiting = 0;
  // Its two ends are not read at once: it may seem shorter than empty.
  for (const lane of lanes) waiting += Math.max(0, lane.questions.length);
  return waiting;
}
