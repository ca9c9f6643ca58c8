// Compares the code with docs/reference/protocol.md: the table of state × message (S1) and the table of texts (E4).

import { describe, expect, it } from 'vitest';
import { ERROR_CODES, FAULT_TEXT, REFUSAL_TEXT } from '../../src/errors.ts';
import type { Session } from '../../src/session/session.ts';
import { SERVED, step } from '../../src/session/step.ts';
import { type Message, Op, type OpName } from '../../src/wire/message.ts';
import { tableBehind } from './protocol-tables.ts';
import { anonymous, contextOf, identified } from './sessions.ts';

const OF_REGISTRY: readonly OpName[] = [
  'RegCredReply',
  'ClientOK',
  'CreateReply',
  'JoinReply',
  'ClusterMembers',
  'Ack',
  'Error',
  'LeaveReply',
  'TokensReply',
  'SavedRoster',
];
const SESSIONS: Readonly<Record<string, Session>> = { anonymous, identified };
const TEXTS: Readonly<Record<string, string | null>> = { ...FAULT_TEXT, ...REFUSAL_TEXT };

const [head, ...rows] = tableBehind('### State × message');
const cells = rows.flatMap(([state, ...row]) =>
  row.flatMap((cell, at) => {
    const column = head![at + 1]!;
    const names = column === "registry's own" ? OF_REGISTRY : [column as OpName];
    return names.map((name) => ({ state: state!, name, cell }));
  }),
);

/** How the code serves this message in this state, in the document's words. */
function served(session: Session, op: Op): string {
  const message: Message = { Op: op };
  const next = step(session, op, message, contextOf(1));
  const text = next.kind === 'refused' ? TEXTS[next.why] : undefined;
  return text === 'unexpected message type' || text === 'invalid msg type for current state' ? text : 'serve';
}

describe('state × message', () => {
  it('lists every message and every state (S1)', () => {
    expect(cells.length).toBe(3 * Object.keys(Op).length);
    expect(new Set(cells.map(({ name }) => name))).toEqual(new Set(Object.keys(Op)));
    expect(rows.map(([state]) => state)).toEqual(['anonymous', 'identified', 'ending']);
  });

  it.each(cells.filter(({ state }) => state !== 'ending'))(
    'serves $name while $state as documented: $cell (S1)',
    ({ state, name, cell }) => {
      expect(served(SESSIONS[state]!, Op[name])).toBe(cell);
      expect(Op[name] in SERVED[state as keyof typeof SERVED]).toBe(cell === 'serve');
    },
  );

  it('serves nothing in an ended session, which is no state of the code (S4)', () => {
    expect(cells.filter(({ state }) => state === 'ending').every(({ cell }) => cell === 'drop')).toBe(true);
    expect(Object.keys(SERVED)).toEqual(['anonymous', 'identified']);
  });
});

describe('texts', () => {
  const documented = tableBehind('- **E4**').slice(1);

  it('documents every text of the code, and no other (E4)', () => {
    const texts = new Set(Object.values(TEXTS).filter((text) => text !== null));
    expect(documented.map(([text]) => text).sort()).toEqual([...texts].sort());
  });

  it('gives each code one text, and each text one cause but those of a full registry and of a used ID (E4)', () => {
    const texts = Object.entries(TEXTS).flatMap(([code, text]) => (text === null ? [] : [[code, text] as const]));
    const shared = texts.filter(([, text]) => texts.filter(([, other]) => other === text).length > 1);
    expect(new Set(shared.map(([, text]) => text))).toEqual(new Set(['registry is full', 'ID already in use']));
    expect(Object.keys(FAULT_TEXT).filter((code) => code in REFUSAL_TEXT)).toEqual([]);
  });

  it('documents the number of each text (E7)', () => {
    const numbers = new Map<string, Set<string>>();
    for (const [code, number] of Object.entries(ERROR_CODES)) {
      const text = TEXTS[code]!;
      numbers.set(text, (numbers.get(text) ?? new Set()).add(String(number)));
    }
    const pairs = documented.map(([text, written]) => [text, written!.split(', ')] as const);
    expect(new Map(pairs)).toEqual(new Map([...numbers].map(([text, of]) => [text, [...of].sort()])));
  });

  it('uses printable ASCII in every text (E4)', () => {
    for (const text of Object.values(TEXTS)) if (text !== null) expect(text).toMatch(/^[\x20-\x7e]{1,100}$/);
  });
});
