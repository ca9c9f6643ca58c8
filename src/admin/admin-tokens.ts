// All admin tokens of a server: the local one, and named ones with a role and an expiry. Named tokens are kept as hashes
// in a file of the data directory; their secret is told once, when they are made. A change is on disk before it counts,
// and counts for the next request.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ADMIN_TOKENS_MAX } from '../limits.ts';
import { writeDurably } from '../runtime/atomic-file.ts';
import { isName } from '../wire/name.ts';
import { hashOf, LOCAL_TOKEN, newSecret, openAdminToken, renewAdminToken } from './admin-token.ts';
import type { Caller, CallerFinder } from './authorise.ts';
import { ROLES, type Role } from './roles.ts';

/** File of the named tokens in the data directory; mode 0600. */
export const ADMIN_TOKENS_FILE = 'admin-tokens.json';

const FILE = z.strictObject({
  tokens: z
    .array(
      z.strictObject({
        name: z.string().refine(isName),
        role: z.enum(ROLES),
        /** SHA-256 of the secret. */
        hash: z.string().regex(/^[0-9a-f]{64}$/),
        created: z.iso.datetime(),
        expires: z.iso.datetime().nullable(),
      }),
    )
    .max(ADMIN_TOKENS_MAX),
});

type NamedToken = z.output<typeof FILE>['tokens'][number];

/** A token as operators see it. */
export interface DescribedToken {
  readonly name: string;
  readonly role: Role;
  /** ISO 8601; null for the local token. */
  readonly created: string | null;
  /** ISO 8601; null if it does not expire. */
  readonly expires: string | null;
  readonly expired: boolean;
}

/** The file of the named tokens cannot be used. The message names it and the reason, and holds none of its text. */
export class TokensFileError extends Error {
  override readonly name = 'TokensFileError';
}

/** A change of the tokens is refused. */
export class TokenRefusal extends Error {
  override readonly name = 'TokenRefusal';
  readonly code: 'token-exists' | 'token-unknown' | 'token-local' | 'tokens-full';

  constructor(code: TokenRefusal['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export class AdminTokens implements CallerFinder {
  readonly #directory: string;
  readonly #now: () => number;
  /** BOUNDED by ADMIN_TOKENS_MAX. */
  #named: readonly NamedToken[] = [];
  /** By hash: a lookup takes no time that depends on a secret. BOUNDED by ADMIN_TOKENS_MAX and the local token. */
  #callers: ReadonlyMap<string, Caller> = new Map();
  /** The last change or reload: they run one after another. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, now: () => number) {
    this.#directory = directory;
    this.#now = now;
  }

  /** Reads all tokens, and creates the local one if it is missing. Rejects with TokensFileError. */
  static async open(dataDirectory: string, now = Date.now): Promise<AdminTokens> {
    const tokens = new AdminTokens(dataDirectory, now);
    await tokens.reload();
    return tokens;
  }

  find(secret: string): Caller | undefined {
    return this.#callers.get(hashOf(secret));
  }

  /** The local token first, then the others by name. */
  list(): DescribedToken[] {
    const local = { name: LOCAL_TOKEN, role: 'admin', created: null, expires: null, expired: false } as const;
    return [local, ...this.#named.map((token) => describe(token, this.#now()))];
  }

  /** Reads the files again. Keeps the tokens as they are and rejects with TokensFileError if a file is unusable. */
  reload(): Promise<void> {
    return this.#inTurn(async () => {
      const named = await readNamed(this.#directory);
      this.#set(named, hashOf(await openAdminToken(this.#directory)));
    });
  }

  /**
   * Makes a token. Resolves to it and its secret. An expired token of the same name makes place, and so does the one
   * that expired first if there are ADMIN_TOKENS_MAX. Rejects with TokenRefusal.
   */
  add(name: string, role: Role, ttlSeconds: number | undefined): Promise<{ token: DescribedToken; secret: string }> {
    return this.#inTurn(async () => {
      const now = this.#now();
      const others = this.#named.filter((token) => token.name !== name || !describe(token, now).expired);
      if (name === LOCAL_TOKEN || others.some((token) => token.name === name))
        throw new TokenRefusal('token-exists', `there is a token ${name} already`);
      if (others.length >= ADMIN_TOKENS_MAX) dropExpired(others, now);
      const secret = newSecret();
      const expires = ttlSeconds === undefined ? null : new Date(now + ttlSeconds * 1000).toISOString();
      const token = { name, role, hash: hashOf(secret), created: new Date(now).toISOString(), expires };
      await this.#write([...others, token]);
      return { token: describe(token, now), secret };
    });
  }

  /** Removes a token. Rejects with TokenRefusal. */
  revoke(name: string): Promise<void> {
    return this.#inTurn(async () => {
      if (name === LOCAL_TOKEN) throw new TokenRefusal('token-local', 'the local token can only be rotated');
      const others = this.#named.filter((token) => token.name !== name);
      if (others.length === this.#named.length) throw new TokenRefusal('token-unknown', 'there is no such token');
      await this.#write(others);
    });
  }

  /** Replaces the local token in its file. The former one is invalid at once. */
  rotateLocal(): Promise<void> {
    return this.#inTurn(async () => this.#set(this.#named, hashOf(await renewAdminToken(this.#directory))));
  }

  async #write(tokens: readonly NamedToken[]): Promise<void> {
    const sorted = tokens.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const text = `${JSON.stringify({ tokens: sorted }, undefined, 2)}\n`;
    await writeDurably(this.#directory, ADMIN_TOKENS_FILE, text, 0o600);
    const [localHash] = [...this.#callers].find(([, { name }]) => name === LOCAL_TOKEN)!;
    this.#set(sorted, localHash);
  }

  /** An unchanged token keeps its Caller, by which a stream sees that its token is still valid. */
  #set(named: readonly NamedToken[], localHash: string): void {
    this.#named = named;
    const local: Caller = { name: LOCAL_TOKEN, role: 'admin', expires: undefined };
    const callers = named.map(({ hash, name, role, expires }): [string, Caller] => {
      return [hash, { name, role, expires: expires === null ? undefined : Date.parse(expires) }];
    });
    const all = [[localHash, local] as [string, Caller], ...callers];
    this.#callers = new Map(all.map(([hash, caller]) => [hash, sameOr(this.#callers.get(hash), caller)]));
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => {});
    return done;
  }
}

function sameOr(before: Caller | undefined, after: Caller): Caller {
  const same = before?.name === after.name && before.role === after.role && before.expires === after.expires;
  return same ? before : after;
}

function describe({ name, role, created, expires }: NamedToken, now: number): DescribedToken {
  return { name, role, created, expires, expired: expires !== null && Date.parse(expires) <= now };
}

/** Removes the token that expired first. Throws TokenRefusal if none has expired. */
function dropExpired(tokens: NamedToken[], now: number): void {
  const expired = tokens.filter((token) => describe(token, now).expired);
  const first = expired.toSorted((a, b) => Date.parse(a.expires!) - Date.parse(b.expires!))[0];
  if (!first) {
    throw new TokenRefusal('tokens-full', `there are ${ADMIN_TOKENS_MAX} tokens, the most possible: revoke one first`);
  }
  tokens.splice(tokens.indexOf(first), 1);
}

async function readNamed(directory: string): Promise<readonly NamedToken[]> {
  const path = join(directory, ADMIN_TOKENS_FILE);
  if (!existsSync(path)) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    // A SyntaxError may quote the file.
    const reason = error instanceof SyntaxError ? 'it is not JSON' : (error as NodeJS.ErrnoException).code;
    throw new TokensFileError(`the admin tokens in ${path} cannot be read: ${reason}`);
  }
  const checked = FILE.safeParse(parsed);
  const issue = checked.error?.issues[0];
  if (issue) throw new TokensFileError(`the admin tokens in ${path} cannot be used: ${issue.path.join('.')} is wrong`);
  const { tokens } = checked.data!;
  if (new Set(tokens.map(({ name }) => name)).size < tokens.length || tokens.some(({ name }) => name === LOCAL_TOKEN))
    throw new TokensFileError(`the admin tokens in ${path} cannot be used: a name occurs twice`);
  return tokens;
}
