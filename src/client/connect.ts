// From a registry's credentials to a session with it.
import type { DialectName } from '../wire/hello.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { Channel } from './channel.ts';
import { withDeadline } from './deadline.ts';
import { RegistryUnreachable } from './errors.ts';
import { exchangeHello } from './open-hello.ts';
import { RegistrySession } from './registry-session.ts';
import { printTarget, type Target, type TargetOptions, targetsOf } from './target.ts';
import { openTcp } from './tcp-transport.ts';
import type { Transport } from './transport.ts';
import { openWebSocket } from './websocket-transport.ts';

/** How to connect. */
export interface ConnectOptions extends TargetOptions {
  /** Default `prefixed`. Every registry knows one of the two, this one both (H2). */
  readonly dialect?: DialectName | undefined;
  /** Ends the session when aborted, whatever is under way; that rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for connecting, and for each request and its reply. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 10_000;

/**
 * Connects to the registry of these credentials and exchanges Hellos. The end points are tried in order, each with the
 * whole timeout. Rejects with RegistryUnreachable when none of them answers, with RegistryUntrusted when one does that is
 * not this registry, with TypeError when the options name no place to connect to.
 */
export async function connect(regCred: RegCred, options: ConnectOptions = {}): Promise<RegistrySession> {
  const failures: RegistryUnreachable[] = [];
  const targets = targetsOf(regCred, options);
  for (const target of targets) {
    try {
      return await connectTo(regCred, target, options);
    } catch (error) {
      if (!(error instanceof RegistryUnreachable)) throw error;
      failures.push(new RegistryUnreachable(`${printTarget(target)}: ${error.message}`, { cause: error }));
    }
  }
  const cause = failures.length === 1 ? failures[0]!.cause : new AggregateError(failures);
  throw new RegistryUnreachable(failures.map(({ message }) => message).join('; '), { cause });
}

async function connectTo(regCred: RegCred, target: Target, options: ConnectOptions): Promise<RegistrySession> {
  const { dialect = 'prefixed', timeoutMs = TIMEOUT_MS, signal } = options;
  let transport: Transport | undefined;
  try {
    return await withDeadline({ timeoutMs, signal, missed: 'no HelloReply' }, async (deadline) => {
      transport = await open(target, deadline);
      const hello = await exchangeHello(regCred, transport, dialect);
      const channel = new Channel(hello, transport, { timeoutMs, signal });
      return new RegistrySession(regCred, channel, hello, printTarget(target));
    });
  } catch (error) {
    transport?.close();
    throw error;
  }
}

function open(target: Target, signal: AbortSignal): Promise<Transport> {
  return target.transport === 'tcp' ? openTcp(target.host, target.port, signal) : openWebSocket(target.url, signal);
}
