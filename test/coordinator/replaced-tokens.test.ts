// Detects tokens that return after their replacement, within a bound on memory.

import { describe, expect, it } from 'vitest';
import { ReplacedTokens } from '../../src/coordinator/replaced-tokens.ts';
import { REPLACED_TOKENS_PER_CLIENT } from '../../src/limits.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { signedContentDigest } from '../../src/wire/member-token.ts';
import { encodeRosterToken, type Token } from '../../src/wire/message.ts';
import { idOf } from '../registry/arbitrary-commands.ts';
import { over, register } from './asking.ts';

const token = (text: string) => Buffer.from(text);
const digestOf = (token: Uint8Array) => Buffer.from(token).toString();

describe('a token that was replaced (T11)', () => {
  it('is reported each time it returns', () => {
    const tokens = new ReplacedTokens(digestOf);
    const steps = [...'abcab'].map((name) => token(name));
    const reported = steps.slice(1).map((after, i) => tokens.replace('id', steps[i]!, after));
    expect(reported).toEqual([false, false, true, true]);
    expect(tokens.replace('other', token('b'), token('a'))).toBe(false);
  });

  it('is forgotten behind enough others of its client, and of enough clients', () => {
    const tokens = new ReplacedTokens(digestOf, 2);
    const names = Array.from({ length: REPLACED_TOKENS_PER_CLIENT + 2 }, (_, i) => token(`t${i}`));
    for (let i = 1; i < names.length; i++) expect(tokens.replace('id', names[i - 1]!, names[i]!)).toBe(false);
    expect(tokens.replace('id', names.at(-1)!, names[0]!)).toBe(false);
    expect(tokens.replace('id', names[0]!, names.at(-2)!)).toBe(true);
    for (const id of ['second', 'third']) tokens.replace(id, token('x'), token('y'));
    expect(tokens.replace('id', token('z'), names.at(-2)!)).toBe(false);
  });

  it('is the same however its end points are split, like its signature (T8)', () => {
    const [Name, ID] = ['node', Buffer.from(idOf(1), 'hex')];
    const keys = { CommsKey: Buffer.of(1), SigKey: Buffer.of(2) };
    const digest = (...MyEnds: string[]) => {
      return signedContentDigest(encodeRosterToken({ Name, ID, ...keys, MyEnds } as unknown as Token));
    };
    expect(digest('a:1', 'b:2')).toBe(digest('a:1b', ':2'));
    expect(digest('a:1')).not.toBe(digest('a:2'));
  });

  it('counts only if another token replaced it and was stored', async () => {
    const { coordinator, replaced } = over(new MemoryStore());
    const [first, second] = [register(1), register(1, 'renamed')];
    await coordinator.ask([first, first]);
    expect(replaced).toEqual([]);
    await coordinator.ask([second]);
    expect(replaced).toMatchObject([[{ name: 'node-1' }, { name: 'renamed' }]]);
  });
});
