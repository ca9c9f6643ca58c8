// Calls etcd: one of its servers, and the next if that one does not answer. Invariant: every request is idempotent, so
// a request with an unknown outcome is repeated.
import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { StoreFullError, StoreUnreachableError } from '../store.ts';
import { type Call, ETCD, type EtcdMethod, WATCH_PATH, type WatchRequest, type WatchResponse } from './etcd-calls.ts';
import { EtcdError } from './etcd-error.ts';

/** End points and credentials of etcd. Secrets are in memory only. */
export interface EtcdAccess {
  /** `HOST:PORT` of its servers. */
  readonly endPoints: readonly string[];
  /** PEM; undefined for no TLS. Without `ca`, the system's authorities are trusted. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  readonly user: { readonly name: string; readonly password: string } | undefined;
}

/** Receives the client's events, for metrics. */
export interface EtcdObserver {
  /** An attempt took so many seconds; `answered` is false if it failed or timed out. `server` is an index. */
  requested(method: EtcdMethod, seconds: number, answered: boolean, server: number): void;
}

/** The stream of a watch. */
export type WatchCall = ClientDuplexStream<WatchRequest, WatchResponse>;

/** Time for one server to answer; then the next is tried. A majority needs 1 to 2 s to elect a leader. */
const ATTEMPT_MS = 500;
/** Least time between two attempts, for servers that refuse at once. */
const PAUSE_MS = 50;
const AUTHENTICATE_MS = 1_000;
/** The longest response: a page of records, or the events since the watch broke off. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

const OPTIONS: ChannelOptions = {
  'grpc.max_receive_message_length': ANSWER_BYTES_MAX,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // etcd closes connections with pings more often than every 5 s.
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 2_000,
};

/** Codes of calls that may succeed at another server, or a little later. */
const TRANSIENT: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.UNKNOWN,
  status.INTERNAL,
  status.ABORTED,
  status.RESOURCE_EXHAUSTED,
]);

export class EtcdClient {
  readonly #access: EtcdAccess;
  readonly #observer: EtcdObserver;
  readonly #channels: readonly Client[];
  #current = 0;
  #token: string | undefined;
  #authenticating: Promise<void> | undefined;
  #closed = false;

  constructor(access: EtcdAccess, observer: EtcdObserver) {
    const { tls } = access;
    const pem = (text: string | undefined) => (text === undefined ? null : Buffer.from(text));
    const channel = tls
      ? credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert))
      : credentials.createInsecure();
    this.#access = access;
    this.#observer = observer;
    this.#channels = access.endPoints.map((endPoint) => new Client(endPoint, channel, OPTIONS));
  }

  /** The server that the next call goes to. */
  get endPoint(): string {
    return this.#access.endPoints[this.#current]!;
  }

  /** Switches to the next server. */
  nextServer(): void {
    this.#current = (this.#current + 1) % this.#channels.length;
  }

  /**
   * Resolves to the response. Rejects with StoreUnreachableError if there is none by `deadline` (on performance.now()),
   * with StoreFullError if etcd has no room, and with EtcdError if it refuses. Each server has `attemptMs` to answer.
   */
  async call<Request, Response>(
    call: Call<Request, Response>,
    request: Request,
    deadline: number,
    attemptMs = ATTEMPT_MS,
  ): Promise<Response> {
    let renewed = false;
    for (;;) {
      const began = performance.now();
      const server = this.#current;
      try {
        if (this.#access.user && this.#token === undefined) await this.#authenticate();
        const answer = await this.#ask(call, request, Math.min(attemptMs, deadline - began), this.#metadata());
        this.#observer.requested(call.name, (performance.now() - began) / 1_000, true, server);
        return answer;
      } catch (error) {
        this.#observer.requested(call.name, (performance.now() - began) / 1_000, false, server);
        const kind = classify(error);
        if (kind === 'stale token' && this.#access.user && !renewed) {
          this.#token = undefined;
          renewed = true;
          continue;
        }
        if (!(error instanceof Error) || kind !== 'transient') throw asStoreError(error);
        if (this.#current === server) this.nextServer();
        if (this.#closed || performance.now() + PAUSE_MS >= deadline) {
          throw new StoreUnreachableError(`etcd does not answer: ${reasonOf(error)}`, { cause: error });
        }
        if (performance.now() - began < PAUSE_MS) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  /** Opens a watch at the current server. Rejects like call if it has to authenticate. */
  async watch(): Promise<WatchCall> {
    if (this.#access.user && this.#token === undefined) await this.#authenticate();
    const { encode, decode } = ETCD.watch;
    return this.#channels[this.#current]!.makeBidiStreamRequest(WATCH_PATH, encode, decode, this.#metadata());
  }

  /**
   * Resolves to whether a server answers within ATTEMPT_MS, even without a leader. A refusal is an answer. The present
   * server of the other calls stays the same.
   */
  async isUp(server: number): Promise<boolean> {
    try {
      await this.#ask(ETCD.status, {}, ATTEMPT_MS, new Metadata(), server);
      return true;
    } catch (error) {
      return classify(error) !== 'transient';
    }
  }

  /** Makes the next request authenticate again. */
  forgetToken(): void {
    this.#token = undefined;
  }

  close(): void {
    this.#closed = true;
    for (const channel of this.#channels) channel.close();
  }

  #metadata(): Metadata {
    const metadata = new Metadata();
    // A server without a leader fails the call at once instead of waiting.
    metadata.set('hasleader', 'true');
    if (this.#token !== undefined) metadata.set('token', this.#token);
    return metadata;
  }

  #authenticate(): Promise<void> {
    const { name, password } = this.#access.user!;
    this.#authenticating ??= this.#ask(ETCD.authenticate, { name, password }, AUTHENTICATE_MS, new Metadata())
      .then(({ token }) => {
        this.#token = token;
      })
      .finally(() => {
        this.#authenticating = undefined;
      });
    return this.#authenticating;
  }

  #ask<Request, Response>(
    { path, encode, decode }: Call<Request, Response>,
    request: Request,
    timeoutMs: number,
    metadata: Metadata,
    server = this.#current,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + Math.max(1, timeoutMs) };
      const channel = this.#channels[server]!;
      channel.makeUnaryRequest(path, encode, decode, request, metadata, options, (error, answer) => {
        if (error) reject(error);
        else resolve(answer!);
      });
    });
  }
}

/** Decides how to react to an error. */
function classify(error: unknown): 'transient' | 'stale token' | 'other' {
  const { code, details = '' } = error as Partial<ServiceError>;
  if (code === undefined) return 'other';
  if (
    code === status.UNAUTHENTICATED ||
    /^(?:etcdserver|auth): .*(?:auth store is old|revision in header is old)/.test(details)
  )
    return 'stale token';
  if (/database space exceeded/.test(details)) return 'other';
  return TRANSIENT.has(code) ? 'transient' : 'other';
}

function asStoreError(error: unknown): unknown {
  const { code, details = '' } = error as Partial<ServiceError>;
  if (code === undefined) return error;
  if (/database space exceeded/.test(details))
    return new StoreFullError('etcd has reached its quota', { cause: error });
  return new EtcdError(code, details);
}

function reasonOf(error: Error): string {
  const { details, code } = error as Partial<ServiceError>;
  return details || (code === undefined ? error.message : status[code]);
}
