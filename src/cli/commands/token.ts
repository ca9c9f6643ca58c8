// xlreg token: adds, lists and revokes the join tokens of a cluster, with the creator's keys or as the operator.
import { z } from 'zod';
import { hashJoinToken, type JoinTokenSpec, type JoinTokenState } from '../../client/index.ts';
import { ADMIN_FLAGS, adminPort, askAdmin } from '../admin-port.ts';
import { begin } from '../begin.ts';
import { name, readCommandLine, UsageError } from '../client-flags.ts';
import { creatorHome, loadCreator } from '../creator-home.ts';
import { describesToken, JOIN_TOKEN_FLAGS, newJoinToken } from '../join-token-flags.ts';
import { printJson, printTable } from '../print.ts';
import { connectOptions, readRegistry } from '../registry-source.ts';

const OPTIONS = { ...JOIN_TOKEN_FLAGS, ...ADMIN_FLAGS, home: { type: 'string' } } as const;
const HASH_CHARS = 64;
/** The least beginning of a hash that names a token. */
const PREFIX_CHARS_MIN = 8;

type Parsed = ReturnType<typeof parse>;

/** The reply of the admin port. */
const LIST = z.looseObject({ tokens: z.array(z.looseObject({ hash: z.string() })) });

/** Changes the tokens of a cluster, and resolves to those that it then has. */
interface Tokens {
  list(): Promise<readonly JoinTokenState[]>;
  add(spec: JoinTokenSpec): Promise<readonly JoinTokenState[]>;
  revoke(hash: string): Promise<readonly JoinTokenState[]>;
}

/** Resolves to the exit code. Rejects as the client library does, or with UsageError or OperatorError. */
export async function token([verb, ...args]: readonly string[], signal: AbortSignal): Promise<number> {
  if (verb === 'add') return await add(parse(args, ['NAME']), signal);
  if (verb === 'list') return await list(parse(args, ['NAME']), signal);
  if (verb === 'revoke') return await revoke(parse(args, ['NAME', 'HASH']), signal);
  throw new UsageError('use xlreg token add, list or revoke');
}

function parse(args: readonly string[], positionals: readonly string[]) {
  const parsed = readCommandLine(args, { positionals, options: OPTIONS });
  return { ...parsed, cluster: name('NAME', parsed.positionals[0]!) };
}

/** Prints the token alone on stdout, so that it can go to a file. */
async function add(parsed: Parsed, signal: AbortSignal): Promise<number> {
  const spec = newJoinToken(parsed.values);
  const tokens = await openTokens(parsed, signal);
  const hash = hashJoinToken(spec.token);
  const made = (await tokens.add(spec)).find((state) => state.hash === hash);
  if (parsed.flags.json) printJson('token-add', { cluster: parsed.cluster, token: spec.token, ...made! });
  else {
    process.stdout.write(`${spec.token}\n`);
    process.stderr.write(`hash ${hash}; the registry does not know the token itself\n`);
  }
  return 0;
}

async function list(parsed: Parsed, signal: AbortSignal): Promise<number> {
  assertNoToken(parsed);
  const states = await (await openTokens(parsed, signal)).list();
  if (parsed.flags.json) {
    printJson('token-list', { cluster: parsed.cluster, tokens: states });
    return 0;
  }
  const rows = states.map((state) => [
    state.hash.slice(0, 2 * PREFIX_CHARS_MIN),
    state.forName ?? '-',
    state.observer ? 'observer' : state.replace ? 'replacement' : 'member',
    state.observer ? '-' : `${state.left} of ${state.uses}`,
    expiryOf(state),
  ]);
  printTable([['HASH', 'FOR', 'ROLE', 'USES LEFT', 'EXPIRES'], ...rows]);
  return 0;
}

function expiryOf({ ttlMs }: JoinTokenState): string {
  if (ttlMs === undefined) return 'never';
  return ttlMs === 0 ? 'expired' : `in ${Math.ceil(ttlMs / 1_000)} s`;
}

async function revoke(parsed: Parsed, signal: AbortSignal): Promise<number> {
  assertNoToken(parsed);
  const given = parsed.positionals[1]!.toLowerCase();
  if (!/^[0-9a-f]+$/.test(given) || given.length < PREFIX_CHARS_MIN || given.length > HASH_CHARS) {
    throw new UsageError(
      `HASH should be ${PREFIX_CHARS_MIN} to ${HASH_CHARS} hex digits, as xlreg token list prints them`,
    );
  }
  const tokens = await openTokens(parsed, signal);
  const found = (await tokens.list()).filter(({ hash }) => hash.startsWith(given));
  if (found.length > 1) throw new UsageError('HASH: several tokens begin so');
  if (found.length === 0) throw new UsageError('HASH: the cluster has no such join token');
  const { hash } = found[0]!;
  await tokens.revoke(hash);
  if (parsed.flags.json) printJson('token-revoke', { cluster: parsed.cluster, revoked: hash });
  else process.stdout.write(`revoked ${hash}\n`);
  return 0;
}

function assertNoToken({ values }: Parsed): void {
  if (describesToken(values)) throw new UsageError('flags of a new token belong to xlreg token add');
}

/** The tokens by way of the admin port with --admin, else of a session of the creator for each request. */
async function openTokens({ flags, values, cluster }: Parsed, signal: AbortSignal): Promise<Tokens> {
  if (values.admin !== undefined) {
    const port = await adminPort(values);
    const path = `/api/clusters/${cluster}/tokens`;
    const ask = async (route: string, content?: unknown) => {
      const { tokens } = await askAdmin(port, route, 'refused', LIST, signal, content);
      return tokens as unknown as JoinTokenState[];
    };
    return {
      list: () => ask(`GET ${path}`),
      add: ({ token, ...fields }) => ask(`POST ${path}`, { hash: hashJoinToken(token), ...fields }),
      revoke: (hash) => ask(`DELETE ${path}/${hash}`),
    };
  }
  if (flags.dialect !== 'sealed') throw new UsageError('join tokens need --dialect sealed');
  const regCred = await readRegistry(flags, signal);
  const creator = await loadCreator(creatorHome(values.home, regCred));
  const change = async (changes: { readonly add?: readonly JoinTokenSpec[]; readonly revoke?: readonly string[] }) => {
    const { session, begun } = await begin(regCred, connectOptions(flags, regCred, signal), async (session) => {
      await session.identify(creator);
      return await session.changeJoinTokens(cluster, changes);
    });
    await session[Symbol.asyncDispose]();
    return begun;
  };
  return {
    list: () => change({}),
    add: (spec) => change({ add: [spec] }),
    revoke: (hash) => change({ revoke: [hash] }),
  };
}
