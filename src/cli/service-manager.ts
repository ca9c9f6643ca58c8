// Tells systemd the state of the service, as sd_notify(3) describes it. Node has no datagram sockets of AF_UNIX, so each
// message is sent by the program systemd-notify, which every system with systemd has. Hence the unit needs
// NotifyAccess=all.
import { spawn } from 'node:child_process';
import type { Logger } from 'pino';

/** Fields of a message, such as READY: '1'. */
type Message = Readonly<Record<string, string>>;

const PROGRAM = 'systemd-notify';
/** It waits until systemd has read the message, for 5 s at most. */
const SEND_MS_MAX = 8_000;
/** Bound of waiting messages; a further one is dropped. Only a flood of SIGHUP reaches it. */
const WAITING_MAX = 16;
/** Pings in one interval of the watchdog. */
const PINGS = 3;

export class ServiceManager {
  readonly #log: Logger;
  /** Undefined if no service manager started this process. */
  readonly #socket: string | undefined;
  /** Milliseconds without a ping after which the watchdog ends this process; undefined without a watchdog. */
  readonly #watchdogMs: number | undefined;
  #waiting = 0;
  #sent = Promise.resolve();
  #isSilent = false;

  constructor(environment: NodeJS.ProcessEnv, log: Logger) {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = environment;
    this.#log = log;
    this.#socket = NOTIFY_SOCKET || undefined;
    const isMeant = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
    const watchdogMs = Number(WATCHDOG_USEC) / 1000;
    this.#watchdogMs = isMeant && watchdogMs > 0 ? watchdogMs : undefined;
  }

  /**
   * Reports that the server is ready, and pings the watchdog from now on. `silentMs` returns the time since each thread
   * last gave a sign. While it exceeds the watchdog's interval no ping is sent, so that systemd restarts the server.
   */
  ready(status: string, silentMs: () => number): void {
    this.#send({ READY: '1', STATUS: status });
    if (this.#socket === undefined || this.#watchdogMs === undefined) return;
    const limitMs = this.#watchdogMs;
    setInterval(() => this.#ping(silentMs(), limitMs), limitMs / PINGS).unref();
  }

  /** Reports a reload, calls `reload`, and reports its end. */
  async reloading(reload: () => Promise<void>): Promise<void> {
    this.#send({ RELOADING: '1', MONOTONIC_USEC: String(process.hrtime.bigint() / 1000n) });
    await reload();
    this.#send({ READY: '1' });
  }

  /** Reports that the server stops. The watchdog goes on until it has stopped. */
  stopping(): void {
    this.#send({ STOPPING: '1', STATUS: 'draining' });
  }

  #ping(silentMs: number, limitMs: number): void {
    const isSilent = silentMs > limitMs;
    if (isSilent && !this.#isSilent)
      this.#log.error({ silentMs: Math.round(silentMs) }, 'a thread is stuck: the watchdog gets no ping');
    this.#isSilent = isSilent;
    // A message that waits shows that the last ping is not even sent.
    if (!isSilent && this.#waiting === 0) this.#send({ WATCHDOG: '1' });
  }

  /** Sends messages one after the other. */
  #send(message: Message): void {
    if (this.#socket === undefined || this.#waiting >= WAITING_MAX) return;
    const socket = this.#socket;
    this.#waiting += 1;
    this.#sent = this.#sent.then(async () => {
      const failure = await run(socket, message);
      this.#waiting -= 1;
      if (failure !== undefined) this.#log.error({ reason: failure, message }, 'systemd cannot be told the state');
    });
  }
}

/** Resolves to the reason of a failure. */
function run(socket: string, message: Message): Promise<string | undefined> {
  const fields = Object.entries(message).map(([name, value]) => `${name}=${value}`);
  const env = { PATH: process.env.PATH, NOTIFY_SOCKET: socket };
  const child = spawn(PROGRAM, fields, { env, stdio: 'ignore', timeout: SEND_MS_MAX });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code === 0 ? undefined : `${PROGRAM} ended with ${code ?? signal}`));
  });
}
