// When a commit is worth a pause: few questions wait, and more are about to come.
import { expect, it } from 'vitest';
import { moreIsComing } from '../../src/coordinator/serve-channels.ts';
import { newChannelMemory, WorkerChannel } from '../../src/shared-memory/worker-channel.ts';

/** Channels with this many questions and unopened messages, as a one-shot iterable. */
function* channelsWith(
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

it('waits with a few questions while any worker has messages to open', () => {
  expect(moreIsComing(channelsWith({ questions: 1, messages: 1 }))).toBe(true);
  expect(moreIsComing(channelsWith({ questions: 15, messages: 0 }, { questions: 0, messages: 3 }))).toBe(true);
});

it('does not wait without a question, without a message, or for Hellos, which ask nothing', () => {
  expect(moreIsComing([])).toBe(false);
  expect(moreIsComing(channelsWith({ questions: 0, messages: 9 }))).toBe(false);
  expect(moreIsComing(channelsWith({ questions: 3, messages: 0 }, { questions: 1, messages: 0 }))).toBe(false);
  expect(moreIsComing(channelsWith({ questions: 1, messages: 0, hellos: 4 }))).toBe(false);
});

it('does not wait with sixteen questions, of one worker or of all', () => {
  expect(moreIsComing(channelsWith({ questions: 16, messages: 5 }))).toBe(false);
  expect(moreIsComing(channelsWith({ questions: 9, messages: 5 }, { questions: 7, messages: 0 }))).toBe(false);
});
