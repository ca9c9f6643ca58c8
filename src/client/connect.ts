// From a registry's credentials to a session with it.
import type { DialectName } from '../wire/hello.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { Channel } from './channel.ts';
import { pause, withDeadline } from './deadline.ts';
import { inOrder, type OrderHints, rememberFailed, rememberWorked } from './end-point-order.ts';
import {
  HelloRefused,
  NoAnswerInTime,
  ProtocolError,
  RegistryUnreachable,
  RegistryUntrusted,
  XlRegError,
} from './errors.ts';
import { exchangeHello } from './open-hello.ts';
import { RegistrySession } from './registry-session.ts';
import { printTarget, type Target, type TargetOptions, targetsOf } from './target.ts';
import { CONNECT_TIMEOUT_MS, openTcp } from './tcp-transport.ts';
import type { Transport } from './transport.ts';
import { openWebSocket } from './websocket-transport.ts';

/** How to connect. */
export interface ConnectOptions extends TargetOptions, OrderHints {
  /** Default `prefixed`. Every registry knows one of the two, this one both (H2). */
  readonly dialect?: DialectName | undefined;
  /** Ends the session when aborted, whatever is under way; that rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for connecting, whatever the number of end points, and for each request and its reply. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * How often an end point that closes the connection at the Hello is tried, 1 to 4, the default: a registry to which more nodes
   * come in one instant than it lets in turns the newest away, and has room for them a moment later.
   */
  readonly helloTries?: number | undefined;
  /** Told of each end point that came to nothing while there were others to try: RegistryUnreachable or -Untrusted. */
  readonly onSkipped?: ((address: string, why: XlRegError) => void) | undefined;
}

/** What one end point may take of it while there are others: twice what a Hello takes over a bad line that loses packets. */
const END_POINT_TIMEOUT_MS = 3_000;
/** Before a Hello that was refused is tried again, half to one and a half times as long: those turned away together spread. */
const HELLO_PAUSES_MS = [100, 300, 900];

/**
 * Connects to the registry of these credentials and exchanges Hellos. The end points are tried one after the other, the
 * one that worked last first; each has its share of the time that is left, 3 s at most unless it is the last. One where
 * somebody else answers is passed over like one where nobody does, since each has to prove itself by its key; onSkipped
 * hears of both. Those that refused the Hello are tried again after a moment, while there is time. When none is left it
 * rejects with RegistryUntrusted if somebody else answered anywhere, else with RegistryUnreachable or ProtocolError.
 * TypeError: the options name no place to connect to.
 */
export async function connect(regCred: RegCred, options: ConnectOptions = {}): Promise<RegistrySession> {
  const { timeoutMs = CONNECT_TIMEOUT_MS, helloTries = HELLO_PAUSES_MS.length + 1, signal } = options;
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
        // That no answer came in time says less than the refusal before it.
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

/** Milliseconds for the first of so many end points. */
function attemptMs(left: number, endPoints: number): number {
  return Math.ceil(endPoints === 1 ? left : Math.min(left / endPoints, END_POINT_TIMEOUT_MS));
}

/** The worst of what came of each address, with what was seen there. */
function summaryOf(failures: ReadonlyMap<string, XlRegError>): XlRegError {
  const errors = [...failures.values()];
  const Kind = [RegistryUntrusted, ProtocolError].find((kind) => errors.some((error) => error instanceof kind));
  const cause = errors.length === 1 ? errors[0] : new AggregateError(errors);
  const text = [...failures].map(([address, error]) => `${address}: ${error.message}`).join('; ');
  return new (Kind ?? RegistryUnreachable)(text, { cause });
}

async function connectTo(
  regCred: RegCred,
  target: Target,
  { dialect = 'prefixed', timeoutMs = CONNECT_TIMEOUT_MS, signal }: ConnectOptions,
  connectMs: number,
): Promise<RegistrySession> {
  let transport: Transport | undefined;
  try {
    return await withDeadline({ timeoutMs: connectMs, signal, missed: 'no HelloReply' }, async (deadline) => {
      transport = await open(target, connectMs, deadline);
      const hello = await exchangeHello(regCred, transport, dialect);
      const channel = new Channel(hello, transport, { timeoutMs, signal });
      return new RegistrySession(regCred, channel, hello, printTarget(target));
    });
  } catch (error) {
    transport?.close();
    throw error;
  }
}

function open(target: Target, timeoutMs: number, signal: AbortSignal): Promise<Transport> {
  if (target.transport === 'ws') return openWebSocket(target.url, signal, timeoutMs);
  return openTcp(target.host, target.port, signal, timeoutMs);
}
