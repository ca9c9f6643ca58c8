// historyProblems accepts histories of a correct registry and finds each kind of violation.

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
      'sequential operations',
      [create(0), join(10, 'a'), get(20, { 0: 'a' }), join(30, 'b'), get(40, { 0: 'a', 1: 'b' })],
    ],
    [
      'a member shown before its acknowledgement',
      [create(0), join(10, 'a', 50), get(20, { 0: 'a' }), get(30, { 0: 'a' })],
    ],
    ['a member not yet shown before its acknowledgement', [create(0), join(10, 'a', 50), get(20, {})]],
    ['a lost join that appears later', [create(0), lost(10, 'a'), get(20, {}), get(30, { 0: 'a' })]],
    ['a cluster filled by a lost join', [create(0), join(10, 'a'), lost(20, 'b'), full(30, 'c')]],
    ['a cluster unknown before its Create', [{ ...at(0), kind: 'unknown' }, create(10)]],
  ])('accepts: %s', (_, history) => {
    expect(historyProblems(history, SIZE)).toEqual([]);
  });

  it.each<[string, Operation[], RegExp]>([
    ['two IDs of one name', [create(0), create(10, 'other')], /IDs id, other/],
    [
      'one seat of two members',
      [lost(0, 'a'), lost(0, 'b'), get(20, { 0: 'a' }), get(30, { 0: 'b' })],
      /seat 0 is a's and b's/,
    ],
    ['two seats of one member', [lost(0, 'a'), get(20, { 0: 'a', 1: 'a' })], /a has seats 0 and 1/],
    ['an acknowledged join that is missing', [join(10, 'a'), get(20, {})], /a was there at 11 and not shown/],
    ['a member that disappears', [lost(10, 'a'), get(20, { 0: 'a' }), get(30, {})], /a was there at 21 and not shown/],
    ['a member that never joined', [get(20, { 0: 'a' })], /a was shown at 21/],
    ['a member shown before its Join', [get(20, { 0: 'a' }), join(30, 'a')], /a was shown at 21/],
    ['a refusal as full with a free seat', [create(0), join(10, 'a'), full(20, 'b')], /full at 21, when 1 others/],
    [
      'a refusal as full for a member',
      [join(0, 'a'), join(10, 'b'), join(10, 'c'), full(20, 'a')],
      /full for a, who was in it/,
    ],
    ['a cluster unknown after its Create', [create(0), { ...at(10), kind: 'unknown' }], /there at 1 and unknown at 10/],
  ])('finds: %s', (_, history, problem) => {
    expect(historyProblems(history, SIZE).join('\n')).toMatch(problem);
  });
});
