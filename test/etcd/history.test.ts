// The check of histories finds what no registry without faults could have shown, and nothing else.

import { describe, expect, it } from 'vitest';
import { historyProblems, type Operation } from './history.ts';

const SIZE = 2;
const at = (asked: number, ended = asked + 1) => ({ cluster: 'c', asked, ended });
const create = (asked: number, id = 'id'): Operation => ({ ...at(asked), kind: 'create', id });
const join = (asked: number, member: string, ended?: number): Operation => ({
  ...at(asked, ended),
  kind: 'join',
  member,
});
const lost = (asked: number, member: string): Operation => ({ ...at(asked), kind: 'lost-join', member });
const get = (asked: number, members: Record<number, string>, ended?: number): Operation => ({
  ...at(asked, ended),
  ...{ kind: 'get', id: 'id', seats: new Map(Object.entries(members).map(([index, name]) => [Number(index), name])) },
});
const full = (asked: number, member: string): Operation => ({ ...at(asked), kind: 'full', member });

describe('a history', () => {
  it.each<[string, Operation[]]>([
    [
      'one after the other',
      [create(0), join(10, 'a'), get(20, { 0: 'a' }), join(30, 'b'), get(40, { 0: 'a', 1: 'b' })],
    ],
    ['shown while it is stored', [create(0), join(10, 'a', 50), get(20, { 0: 'a' }), get(30, { 0: 'a' })]],
    ['not shown while it is stored', [create(0), join(10, 'a', 50), get(20, {})]],
    ['lost, and there after all', [create(0), lost(10, 'a'), get(20, {}), get(30, { 0: 'a' })]],
    ['full by one that was lost', [create(0), join(10, 'a'), lost(20, 'b'), full(30, 'c')]],
    ['unknown before it is created', [{ ...at(0), kind: 'unknown' }, create(10)]],
  ])('that is good: %s', (_, history) => {
    expect(historyProblems(history, SIZE)).toEqual([]);
  });

  it.each<[string, Operation[], RegExp]>([
    ['two IDs', [create(0), create(10, 'other')], /IDs id, other/],
    ['a seat of two', [lost(0, 'a'), lost(0, 'b'), get(20, { 0: 'a' }), get(30, { 0: 'b' })], /seat 0 is a's and b's/],
    ['two seats of one', [lost(0, 'a'), get(20, { 0: 'a', 1: 'a' })], /a has seats 0 and 1/],
    ['an acknowledgement that is gone', [join(10, 'a'), get(20, {})], /a was there at 11 and not shown/],
    ['a sight that is gone', [lost(10, 'a'), get(20, { 0: 'a' }), get(30, {})], /a was there at 21 and not shown/],
    ['somebody who did not ask', [get(20, { 0: 'a' })], /a was shown at 21/],
    ['somebody who asked later', [get(20, { 0: 'a' }), join(30, 'a')], /a was shown at 21/],
    ['full for nothing', [create(0), join(10, 'a'), full(20, 'b')], /full at 21, when 1 others/],
    ['full for who is in it', [join(0, 'a'), join(10, 'b'), join(10, 'c'), full(20, 'a')], /full for a, who was in it/],
    ['unknown after it was created', [create(0), { ...at(10), kind: 'unknown' }], /there at 1 and unknown at 10/],
  ])('that is bad: %s', (_, history, problem) => {
    expect(historyProblems(history, SIZE).join('\n')).toMatch(problem);
  });
});
