// Text of a rule-breaking registry reaches the terminal only escaped.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { printRegCred } from '../../src/index.ts';
import { longOf, type Message, Op, type Token } from '../../src/wire/message.ts';
import { answerInOrder, ScriptedRegistry } from '../client/scripted-registry.ts';
import { runXlreg } from './xlreg-process.ts';

const HOSTILE = 'evil\u001b]0;owned\u0007\u009b2J\r\n\u202eeman\u2028';
const ESCAPED = 'evil\\u{1b}]0;owned\\u{7}\\u{9b}2J\\u{d}\\u{a}\\u{202e}eman\\u{2028}';

let scripted: ScriptedRegistry;
let directory: string;
let file: string;
beforeAll(async () => {
  scripted = await ScriptedRegistry.start({ answer });
  directory = await mkdtemp(join(tmpdir(), 'xlreg-hostile-'));
  file = join(directory, 'regCred.dat');
  await writeFile(file, printRegCred(scripted.regCred));
});
afterAll(async () => {
  scripted.stop();
  await rm(directory, { recursive: true, force: true });
});

function answer(message: Message, seal: (reply: Message) => Buffer, own: Token): readonly Uint8Array[] {
  if (message.Op === Op.Create) return [seal({ Op: Op.Error, ErrDesc: HOSTILE })];
  if (message.Op !== Op.GetCluster) return answerInOrder(message, seal);
  const cluster = { Op: Op.ClusterMembers, ClusterID: Buffer.alloc(32, 1), ClusterSize: 2 };
  if (message.Which!.isZero()) return [seal({ ...cluster, Which: longOf(0n) })];
  const token = { ...own, DigSig: null, Name: HOSTILE, MyEnds: [HOSTILE] };
  return [seal({ ...cluster, Which: longOf(1n), Tokens: [token] })];
}

/** A line of printable text. */
const CALM = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u;

it('escapes hostile names in tables and in progress lines', async () => {
  const { code, stdout, stderr } = await runXlreg(['members', 'any', '--registry', file, '--wait', '6']);
  expect(code).toBe(1);
  expect(stdout).toContain(`  ${ESCAPED}  `);
  expect(stderr).toContain(`${ESCAPED} joined; 1 of 2 members`);
  for (const line of `${stdout}${stderr}`.split('\n')) expect(line).toMatch(CALM);
});

it('escapes hostile names in JSON, which still parses to the name', async () => {
  const { code, stdout } = await runXlreg(['members', 'any', '--registry', file, '--json']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^[\n\x20-\x7e]*$/);
  expect(JSON.parse(stdout).members[0]).toMatchObject({ name: HOSTILE, endPoints: [HOSTILE] });
});

it('escapes the text of a refusal', async () => {
  const { code, stderr } = await runXlreg(['create', 'any', '--size', '2', '--registry', file]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: `xlreg create: the registry refused: ${ESCAPED}\n` });
});
