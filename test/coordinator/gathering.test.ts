// When a commit is worth a pause: few have asked, and more are about to.
import { expect, it } from 'vitest';
import { moreIsComing } from '../../src/coordinator/serve-channels.ts';
import { newChannelMemory, WorkerChannel } from '../../src/shared-memory/worker-channel.ts';

/** Channels with so many questions, and so many messages that a worker has not opened; to be gone through once. */
function* lanesWith(
  ...waiting: readonly { questions: number; messages: number; hellos?: number }[]
): Iterable<WorkerChannel> {
  for (const { questions, messages, hellos = 0 } of waiting) {
    const channel = new WorkerChannel(newChannelMemory(16_384));
    for (let slot = 0; slot < questions; slot++) channel.questions.push(slot);
    for (let slot = 0; slot < messages; slot++) channel.messages.push(slot);
    for (let slot = 0; slot < hellos; slot++) channel.hellos.push(slot);
    yield channel;
  }
}

it('a few questions wait while a worker, theirs or another, has messages to open', () => {
  expect(moreIsComing(lanesWith({ questions: 1, messages: 1 }))).toBe(true);
  expect(moreIsComing(lanesWith({ questions: 15, messages: 0 }, { questions: 0, messages: 3 }))).toBe(true);
});

it('nobody waits for nothing: where no question is, no message, or only Hellos, which ask nothing', () => {
  expect(moreIsComing([])).toBe(false);
  expect(moreIsComing(lanesWith({ questions: 0, messages: 9 }))).toBe(false);
  expect(moreIsComing(lanesWith({ questions: 3, messages: 0 }, { questions: 1, messages: 0 }))).toBe(false);
  expect(moreIsComing(lanesWith({ questions: 1, messages: 0, hellos: 4 }))).toBe(false);
});

it('sixteen questions are a batch that is worth its commit, of one worker or of all', () => {
  expect(moreIsComing(lanesWith({ questions: 16, messages: 5 }))).toBe(false);
  expect(moreIsComing(lanesWith({ questions: 9, messages: 5 }, { questions: 7, messages: 0 }))).toBe(false);
});
