// Opens a session with a registry, given its credentials.
import { REPLY_BYTES_MAX, SEALED_REPLY_BYTES_MAX } from '../limits.ts';
import type { SessionDialect } from '../wire/hello.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { Channel } from './channel.ts';
import { pause, withDeadline } from './deadline.ts';
import { inOrder, type OrderHints, rememberFailed, rememberWorked } from './end-point-order.ts';
import {
  ClockFault,
  HelloRefused,
  NoAnswerInTime,
  ProtocolError,
  RegistryUnreachable,
  RegistryUntrusted,
  XlRegError,
} from './errors.ts';
import { requireJoinToken } from './join-token-text.ts';
import { exchangeHello } from './old-handshake.ts';
import { type Link, RegistrySession } from './registry-session.ts';
import { assertSealable, exchangeSealedHello, NO_REPLY_CAUSES } from './sealed-handshake.ts';
import { printTarget, type Target, type TargetOptions, targetsOf } from './target.ts';
import { CONNECT_TIMEOUT_MS, openTcp } from './tcp-transport.ts';
import type { Transport } from './transport.ts';
import { openWebSocket } from './websocket-transport.ts';

/** Options of a connection. */
export interface ConnectOptions extends TargetOptions, OrderHints {
  /**
   * Default `sealed`. Registries of the field know `prefixed` or `chained` only; this one knows all three. A session never
   * falls back to another dialect by itself.
   */
  readonly dialect?: SessionDialect | undefined;
  /**
   * Join token of a cluster, which each Join and GetCluster of the session carries. Needs `sealed`. connect() throws
   * TypeError if it is none.
   */
  readonly joinToken?: string | undefined;
  /** Ends the session when aborted. Pending requests reject with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds to connect, whatever the number of end points, and for each request with its reply. Default 10,000.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Attempts at an end point that closes the connection at the Hello: 1 to 4, default 4. A registry with more new
   * connections than it admits closes the newest. It has room for them a moment later.
   */
  readonly helloTries?: number | undefined;
  /** Receives each failed end point while others are left, with RegistryUnreachable or RegistryUntrusted. */
  readonly onSkipped?: ((address: string, why: XlRegError) => void) | undefined;
}

/** Bytes of a sealed reply on TCP: its parts, and length, flag and tag of each of its 17 frames. */
const SEALED_WIRE_BYTES_MAX = SEALED_REPLY_BYTES_MAX + 17 * (2 + 1 + 16);

/** Maximum time for one end point while others are left: twice a Hello over a line that loses packets. */
const END_POINT_TIMEOUT_MS = 3_000;
/**
 * Pauses before a refused Hello is repeated, multiplied by 0.5 to 1.5. The factor spreads clients that were refused
 * together.
 */
const HELLO_PAUSES_MS = [100, 300, 900];

/**
 * Connects to the registry of these credentials and exchanges Hellos.
 * Tries the end points one after the other, the last that worked first. Each has its share of the remaining time, at
 * most 3 s unless it is the last. An impostor is skipped like a dead end point, because each must prove itself by its
 * key. onSkipped receives both. End points that refused the Hello are tried again after a pause, while time is left.
 * Rejects with RegistryUntrusted if any end point was an impostor, else with ProtocolError, ClockFault (sealed), or
 * RegistryUnreachable.
 * Throws TypeError if the options name no address.
 *
 * @example
 * ```ts
 * const session = await connect(regCred, { timeoutMs: 5_000 });
 * await session.identify(member);
 * await session.create('demo', { size: 2 });
 * await session.join('demo');
 * const { members } = await session.cluster('demo');
 * console.log(members.map(({ name, verified }) => `${name} ${verified}`));
 * await session.bye();
 * ```
 */
export async function connect(regCred: RegCred, options: ConnectOptions = {}): Promise<RegistrySession> {
  const { timeoutMs = CONNECT_TIMEOUT_MS, helloTries = HELLO_PAUSES_MS.length + 1, signal, joinToken } = options;
  if ((options.dialect ?? 'sealed') === 'sealed') assertSealable(regCred);
  else if (joinToken !== undefined) throw new TypeError('a join token needs the dialect sealed');
  if (joinToken !== undefined) requireJoinToken(joinToken);
  const end = performance.now() + timeoutMs;
  const failures = new Map<string, XlRegError>();
  let targets = inOrder(regCred, targetsOf(regCred, options), options);
  for (let round = 1; ; round++) {
    const refused: Target[] = [];
    for (const [place, target] of targets.entries()) {
      const address = printTarget(target);
      const left = end - performance.now();
      if (left < 1 && (place > 0 || round > 1)) break;
      try {
        const session = await connectTo(regCred, target, options, attemptMs(left, targets.length - place));
        rememberWorked(regCred, address);
        return session;
      } catch (error) {
        if (!(error instanceof XlRegError)) throw error;
        // A refusal says more than a later timeout.
        const known = failures.get(address) instanceof HelloRefused && error instanceof NoAnswerInTime;
        if (!known) failures.set(address, error);
        rememberFailed(regCred, address);
        if (error instanceof HelloRefused) refused.push(target);
        if (place < targets.length - 1) options.onSkipped?.(address, error);
      }
    }
    const pauseMs = (HELLO_PAUSES_MS[round - 1] ?? Number.POSITIVE_INFINITY) * (0.5 + Math.random());
    const again = refused.length > 0 && round < helloTries && performance.now() + pauseMs < end;
    if (!again) throw summaryOf(failures);
    await pause(pauseMs, signal);
    targets = refused;
  }
}

/** Milliseconds for the first of the remaining end points. */
function attemptMs(left: number, endPoints: number): number {
  return Math.ceil(endPoints === 1 ? left : Math.min(left / endPoints, END_POINT_TIMEOUT_MS));
}

/** Combines the failures of all addresses into one error of the most serious kind. */
function summaryOf(failures: ReadonlyMap<string, XlRegError>): XlRegError {
  const errors = [...failures.values()];
  const Kind = [RegistryUntrusted, ProtocolError, ClockFault].find((kind) =>
    errors.some((error) => error instanceof kind),
  );
  const cause = errors.length === 1 ? errors[0] : new AggregateError(errors);
  const text = [...failures].map(([address, error]) => `${address}: ${error.message}`).join('; ');
  if (Kind) return new Kind(text, { code: errors.find((error) => error instanceof Kind)!.code, cause });
  const isSame = errors.every(({ code }) => code === errors[0]?.code);
  const refused = errors.some((error) => error instanceof HelloRefused);
  const code = isSame ? errors[0]?.code : refused ? 'UNREACHABLE_OR_CHANGED' : undefined;
  return new RegistryUnreachable(text, { ...(code && { code }), cause });
}

async function connectTo(
  regCred: RegCred,
  target: Target,
  options: ConnectOptions,
  connectMs: number,
): Promise<RegistrySession> {
  const reopen = (timeoutMs: number) => openLink(regCred, target, options, timeoutMs);
  const link = await reopen(connectMs);
  const again = () => reopen(options.timeoutMs ?? CONNECT_TIMEOUT_MS);
  const joinToken = options.joinToken === undefined ? undefined : requireJoinToken(options.joinToken);
  return new RegistrySession(regCred, link, printTarget(target), again, joinToken);
}

/** Opens a connection and exchanges Hellos. */
async function openLink(
  regCred: RegCred,
  target: Target,
  { dialect = 'sealed', timeoutMs = CONNECT_TIMEOUT_MS, signal }: ConnectOptions,
  connectMs: number,
): Promise<Link> {
  let transport: Transport | undefined;
  try {
    return await withDeadline({ timeoutMs: connectMs, signal, missed: 'no HelloReply' }, async (deadline) => {
      transport = await open(target, connectMs, dialect, deadline);
      const handshake =
        dialect === 'sealed'
          ? await exchangeSealedHello(regCred, transport)
          : await exchangeHello(regCred, transport, dialect);
      return { handshake, channel: new Channel(handshake.codec, transport, { timeoutMs, signal }) };
    });
  } catch (error) {
    transport?.close();
    if (!(error instanceof NoAnswerInTime && transport && dialect === 'sealed')) throw error;
    throw new NoAnswerInTime(`${error.message}: ${NO_REPLY_CAUSES}`, { cause: error });
  }
}

function open(target: Target, timeoutMs: number, dialect: SessionDialect, signal: AbortSignal): Promise<Transport> {
  if (target.transport === 'ws') return openWebSocket(target.url, signal, timeoutMs);
  const replyBytesMax = dialect === 'sealed' ? SEALED_WIRE_BYTES_MAX : REPLY_BYTES_MAX;
  return openTcp(target.host, target.port, signal, timeoutMs, replyBytesMax);
}
