// Commands about a cluster that admits by join tokens, for tests of the table.
import { hash } from 'node:crypto';
import type { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command, JoinCommand, OperatorCommand, RegisterCommand, Reply } from '../../src/registry/command.ts';
import type { AdmissionClaim, TokenSpec, TokenState } from '../../src/registry/join-token-spec.ts';
import { idOf } from './arbitrary-commands.ts';

/** Digest of the SigKey of client n. */
export function keyOf(client: number): string {
  return Buffer.alloc(32, 0x80 + client).toString('hex');
}

export const OWNER = 9;
export const CLUSTER_ID: string = idOf(0xc0);
const cluster = { name: 'c' };

/** The hash of a token. */
export function hashOf(token: string): string {
  return hash('sha256', token, 'hex');
}

export function spec(token: string, fields: Partial<TokenSpec> = {}): TokenSpec {
  return { hash: hashOf(token), ttlMs: 0, ...fields };
}

export function claimOf(token?: string, time = 0): AdmissionClaim {
  return { time, ...(token !== undefined && { token: hashOf(token) }) };
}

export function register(client: number, name = `node-${client}`, sigKeyDigest = keyOf(client)): RegisterCommand {
  const token = Uint8Array.from([client, ...Buffer.from(name)]);
  return { kind: 'register', clientId: idOf(client), name, sigKeyDigest, endPointCount: 1, ephemeral: false, token };
}

export function createWith(tokens: readonly TokenSpec[], size = 3, client = OWNER, id = CLUSTER_ID, time = 0): Command {
  const properties = { name: 'c', id, size, endPointCount: 1, attrs: 0n };
  return { kind: 'create', clientId: idOf(client), ...properties, admits: { tokens, time } };
}

export function join(client: number, token?: string, time = 0): JoinCommand {
  return { kind: 'join', clientId: idOf(client), cluster, claim: claimOf(token, time) };
}

export function leave(client: number): Command {
  return { kind: 'leave', clientId: idOf(client), cluster };
}

export function read(client: number, token?: string, time = 0): Command {
  const all = { which: 2n ** 64n - 1n, cursor: undefined, rosterBytesMax: 1_000 };
  return { kind: 'get-cluster', clientId: idOf(client), cluster, ...all, claim: claimOf(token, time) };
}

export function change(fields: { add?: TokenSpec[]; revoke?: string[] } = {}, time = 0, client = OWNER): Command {
  const { add = [], revoke = [] } = fields;
  return { kind: 'change-tokens', clientId: idOf(client), cluster, add, revoke: revoke.map(hashOf), time };
}

export function evict(client: number): OperatorCommand {
  return { kind: 'evict', cluster, member: { id: idOf(client) } };
}

/** `refused` with its reason, or the kind of the reply. */
export function kindOf(reply: Reply): string {
  return reply.kind === 'refused' ? reply.refusal : reply.kind;
}

/** Applies a command, and returns what kindOf() says. */
export function does(table: ClusterTable, command: Command | OperatorCommand): string {
  return kindOf(table.apply(command, 0).reply);
}

/** The uses left by token. */
export function leftOf(table: ClusterTable, ...tokens: string[]): (number | undefined)[] {
  const states = statesOf(table);
  return tokens.map((token) => states.find((state) => state.hash === hashOf(token))?.left);
}

export function statesOf(table: ClusterTable, time = 0): readonly TokenState[] {
  const { reply } = table.apply(change({}, time), 0);
  if (reply.kind !== 'tokens') throw new Error(kindOf(reply));
  return reply.tokens;
}
