// The options of joinCluster(), and their check. A program in plain JavaScript has no other check: a wrong option would show as a
// failure of something else, or not before the deadline.
import { CLUSTER_SIZE_MAX, CLUSTER_SIZE_MIN, CONFIRM_MS_MAX, CONFIRM_MS_MIN } from '../../limits.ts';
import { isName } from '../../wire/name.ts';
import { requireJoinToken } from '../join-token-text.ts';
import { areLabels, type Labels } from '../member.ts';
import type { IdentityStore } from './identity-store.ts';
import { assertEndPoints } from './joined-cluster.ts';
import type { RegistryOptions } from './registry-access.ts';

/** The member, the cluster that it joins, and the time to try. */
export interface JoinClusterOptions extends RegistryOptions {
  /** Name of the cluster (T2). */
  readonly cluster: string;
  /**
   * Number of seats, 2 to 64, with which a missing cluster is created. Without it this waits until somebody creates the
   * cluster. A cluster of another size is refused with CLUSTER_DIFFERS. With a join token leave it out: a cluster that
   * anybody may create admits anybody.
   */
  readonly size?: number | undefined;
  /**
   * Milliseconds in which each member of a full new cluster has to confirm that it is there, 15,000 to 3,600,000, or 0;
   * default 30,000. A member that does not loses its seat (Q1). Only `sealed` has it.
   */
  readonly confirmMs?: number | undefined;
  /** Name of this member, 1 to 128 of `[A-Za-z0-9_.-]` (T2). */
  readonly name: string;
  /** 1 to 4 of `HOST:PORT`. `auto:PORT` stands for the address that the registry sees; `sealed` only. */
  readonly endPoints: readonly string[];
  /** Labels that other members see, 512 bytes at most; `sealed` only. */
  readonly labels?: Labels | undefined;
  /**
   * The place of the member's keys: a directory of its own, a MemoryStore, or an IdentityStore of yours. The same store
   * is the same member, which comes back to its seat. One process at a time uses it.
   */
  readonly store: string | IdentityStore;
  /** Names that the cluster should have, this one among them, so that errors and missing() can name who is missing. */
  readonly expected?: readonly string[] | undefined;
  /** Milliseconds until this gives up; default 60,000. Infinity: never. */
  readonly deadlineMs?: number | undefined;
  /** Ends this call when aborted, with the signal's reason. It means nothing to the Cluster afterwards. */
  readonly signal?: AbortSignal | undefined;
  /**
   * `complete`, the default: resolves once every member is there and has confirmed; in an RSA dialect, and with an older
   * registry, once the cluster is full. `joined`: resolves as soon as this member has its seat.
   */
  readonly until?: 'joined' | 'complete' | undefined;
  /** Receives each failure that another attempt follows, also of the Cluster later. */
  readonly onRetry?: ((why: Error) => void) | undefined;
}

/** Milliseconds until a call gives up by default. */
export const DEADLINE_MS = 60_000;

/** The longest time that a timer of Node measures, some 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const NAME = '1 to 128 letters, digits, _ . - and begin with none of . -';

/** Every option. The type demands that none is missing. */
const KNOWN: Readonly<Record<keyof JoinClusterOptions, true>> = {
  ...{ registry: true, fingerprint: true, transport: true, connect: true, dialect: true, timeoutMs: true },
  ...{ helloTries: true, onSkipped: true, cluster: true, size: true, confirmMs: true, name: true, endPoints: true },
  ...{ labels: true, store: true, expected: true, joinToken: true, deadlineMs: true, signal: true, until: true },
  onRetry: true,
};

/** Throws TypeError, which names the option. Options of the connection are checked where they are used. */
export function assertValid(options: JoinClusterOptions): void {
  assert(isObject(options), 'joinCluster() takes an object of options');
  for (const key of Object.keys(options)) assert(Object.hasOwn(KNOWN, key), `joinCluster() has no option ${key}`);
  const { registry, name, cluster, labels = {}, store, expected, until = 'complete' } = options;
  const isSource = (typeof registry === 'string' && registry !== '') || isObject(registry);
  assert(isSource, 'registry should be a path, a URL, the text of a regCred.dat, or parsed credentials');
  assert(isName(name), `name should be ${NAME}`);
  assert(isName(cluster), `cluster should be ${NAME}`);
  assert(isTexts(options.endPoints), "endPoints should be an array, such as ['10.0.0.1:4001']");
  assertEndPoints(options.endPoints);
  assert(areLabels(labels), 'labels should be key=value, in all 512 bytes at most');
  assert(isStore(store), 'store should be a directory, a MemoryStore, or an object with load() and save()');
  assert(expected === undefined || isTexts(expected), "expected should be an array of names, such as ['alice', 'bob']");
  assert(until === 'joined' || until === 'complete', "until should be 'joined' or 'complete'");
  assertNumbers(options);
  assertToken(options);
}

function assertNumbers({ size, confirmMs = 0, deadlineMs = DEADLINE_MS }: JoinClusterOptions): void {
  const isSize = size === undefined || isWhole(size, CLUSTER_SIZE_MIN, CLUSTER_SIZE_MAX);
  assert(isSize, `size should be ${CLUSTER_SIZE_MIN} to ${CLUSTER_SIZE_MAX}`);
  const isConfirm = confirmMs === 0 || isWhole(confirmMs, CONFIRM_MS_MIN, CONFIRM_MS_MAX);
  assert(isConfirm, `confirmMs should be 0, or ${CONFIRM_MS_MIN} to ${CONFIRM_MS_MAX}`);
  const isTime = deadlineMs === Number.POSITIVE_INFINITY || (deadlineMs >= 1 && deadlineMs <= TIMER_MS_MAX);
  assert(isTime, `deadlineMs should be 1 to ${TIMER_MS_MAX}, or Infinity`);
}

function assertToken({ joinToken, dialect = 'sealed', size }: JoinClusterOptions): void {
  if (joinToken === undefined) return;
  requireJoinToken(joinToken);
  assert(dialect === 'sealed', 'a join token needs the dialect sealed');
  assert(size === undefined, 'with a join token, leave size out: the cluster exists');
}

function assert(holds: boolean, message: string): void {
  if (!holds) throw new TypeError(message);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function isStore(store: unknown): boolean {
  if (typeof store === 'string') return store !== '';
  if (!isObject(store)) return false;
  const { load, save } = store as Partial<Record<'load' | 'save', unknown>>;
  return typeof load === 'function' && typeof save === 'function';
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}
