// xlreg serve: runs a registry until a signal or a drain stops it.

import { isatty } from 'node:tty';
import type { Logger } from 'pino';
import { type Config, ConfigError, readConfig, readSettings } from '../../config.ts';
import { LockedError } from '../../identity/data-directory-lock.ts';
import { IdentityError } from '../../identity/identity.ts';
import { LOG_FLUSH_MS, START_ABANDON_MS } from '../../limits.ts';
import { ListenError } from '../../net/connection.ts';
import { jsonLog } from '../../runtime/json-log.ts';
import { LineOutput } from '../../runtime/line-output.ts';
import { packageVersion } from '../../runtime/package-version.ts';
import { mayPass } from '../../runtime/passing-failure.ts';
import { RecentLog } from '../../runtime/recent-log.ts';
import { ThreadLoadError } from '../../runtime/thread-url.ts';
import { collectInThread, keepFreedMemory } from '../../runtime/v8-memory-tuning.ts';
import { toggleLogLevel } from '../../server/log-level.ts';
import { OWN_PROCESS } from '../../server/own-process.ts';
import { type Server, startServer } from '../../server/server.ts';
import { StoreUnusableError } from '../../store/store.ts';
import { ownCommand } from '../own-command.ts';
import { ServiceManager } from '../service-manager.ts';

/** Exit codes. The last is EX_TEMPFAIL of sysexits.h: a later start may succeed, so a supervisor should try again. */
const [STOPPED, GAVE_UP, WRONG, TRY_AGAIN] = [0, 1, 2, 75];

/**
 * Runs the registry and ends the process: STOPPED after SIGTERM, SIGINT or POST /drain; GAVE_UP if the registry cannot
 * go on, or its code is incomplete; WRONG if its settings or its data directory are wrong; TRY_AGAIN if a later start
 * may succeed. A blocked stdout or stderr, or a slow scrape, does not delay the end.
 */
export async function serve(args: readonly string[]): Promise<never> {
  const [out, err] = [new LineOutput(1), new LineOutput(2)];
  return end(await run(args, out, err), out, err);
}

async function run(args: readonly string[], out: LineOutput, err: LineOutput): Promise<number> {
  const signal = firstSignal();
  collectInThread();
  // This only saves time, so a failure does not matter.
  keepFreedMemory().catch(() => {});
  const recentLog = new RecentLog(err);
  const log = jsonLog(recentLog);
  logWarnings(log);
  const onDeath = onceDead(log, out, err);
  process.on('uncaughtException', onDeath);
  const manager = new ServiceManager(process.env, log);
  let server: Server | undefined;
  process.on('SIGUSR2', (signal) => (server ? server.toggleLogLevel(signal) : toggleLogLevel(log)));
  const reload = () => manager.reloading(() => server!.reload(() => readConfig(args, process.env)));
  // The default effect would end the start, which may have read its files already: the reload follows it.
  let reloadAfterStart = false;
  process.on('SIGHUP', () => {
    if (server) reload();
    else reloadAfterStart = true;
  });
  try {
    const { config, changed, warnings } = readSettings(args, process.env);
    log.level = config.logLevel;
    for (const warning of warnings) log.warn(warning);
    const logLines = (lines: readonly string[]) => {
      for (const line of lines) recentLog.write(line);
    };
    const recentTrouble = () => recentLog.entries();
    const observer = { log, logLines, logLinesDropped: () => err.dropped, recentTrouble, onDeath };
    server = await unlessStopped(signal, startServer(config, observer, OWN_PROCESS));
    if (server === undefined) return STOPPED;
    const { tcp = 'off', ws = 'off', admin = 'off', health } = server.addresses;
    log.info(describeStart(config, changed, server), 'started');
    const ready = `ready tcp=${tcp} ws=${ws} admin=${admin}${health ? ` health=${health}` : ''}`;
    out.write(`${ready}\n`);
    manager.ready(ready, server.silentMs);
    if (reloadAfterStart) reload();
    if (isatty(2)) err.write(howToJoin(config.dataDir, config.advertise, tcp));
  } catch (error) {
    const code = exitCodeOf(error);
    if (code === undefined) log.fatal({ err: error }, 'the registry cannot start');
    else err.write(`xlreg serve: ${(error as Error).message}\n`);
    return code ?? GAVE_UP;
  }
  const stopSignal = await Promise.race([signal, server.drainAsked]);
  manager.stopping();
  await server.announceStop(stopSignal ?? undefined);
  log.info('draining');
  await server.stop();
  log.info('stopped');
  return STOPPED;
}

function describeStart(
  { store, fronts, workers }: Config,
  settings: Readonly<Record<string, unknown>>,
  server: Server,
): object {
  const { addresses, engine } = server;
  return { version: packageVersion(), node: process.version, ...addresses, store, fronts, workers, engine, settings };
}

/** Logs Node's warnings, which would otherwise be plain text among the lines of JSON. */
function logWarnings(log: Logger): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.warn({ err: warning }, 'a warning of Node'));
}

/** Logs the first fatal error, but none of its consequences, and ends the process. */
function onceDead(log: Logger, out: LineOutput, err: LineOutput): (error: unknown) => void {
  let dead = false;
  return (error) => {
    if (dead) return;
    dead = true;
    log.fatal({ err: error }, 'the registry cannot go on');
    log.level = 'silent';
    end(GAVE_UP, out, err);
  };
}

async function end(code: number, out: LineOutput, err: LineOutput): Promise<never> {
  await Promise.all([out, err].map((output) => output.flush(LOG_FLUSH_MS)));
  // process.exit() would wait for the thread that hangs in the write. Everything else is done.
  if (out.isStuck || err.isStuck) process.kill(process.pid, 'SIGKILL');
  process.exit(code);
}

/**
 * Resolves to undefined if the signal comes before the registry runs. The started parts are then stopped, within
 * START_ABANDON_MS. Ending the process during a start does no harm.
 */
async function unlessStopped(signal: Promise<unknown>, starting: Promise<Server>): Promise<Server | undefined> {
  const started = await Promise.race([signal.then(() => undefined), starting]);
  if (started) return started;
  const stopped = starting.then((server) => server.stop()).catch(() => {});
  await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, START_ABANDON_MS))]);
  return undefined;
}

/** Resolves at the first signal. The second one has its default effect: it ends the process at once. */
function firstSignal(): Promise<NodeJS.Signals> {
  const signals = ['SIGTERM', 'SIGINT'] as const;
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      for (const one of signals) process.off(one, stop);
      resolve(signal);
    };
    for (const signal of signals) process.on(signal, stop);
  });
}

/** Undefined for an unexpected error, which is a bug. */
function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof ThreadLoadError) return GAVE_UP;
  if (error instanceof LockedError) return TRY_AGAIN;
  if (error instanceof ListenError || error instanceof StoreUnusableError) return error.mayPass ? TRY_AGAIN : WRONG;
  if (error instanceof ConfigError || error instanceof IdentityError) return WRONG;
  // A system error about a file in the data directory.
  const isOfSystem = error instanceof Error && 'syscall' in error;
  return isOfSystem ? (mayPass(error) ? TRY_AGAIN : WRONG) : undefined;
}

function howToJoin(dataDir: string, advertise: readonly string[] | undefined, tcp: string): string {
  const xlreg = ownCommand();
  const lines = [
    `Each node needs ${dataDir}/regCred.dat. To form a cluster of two, run each of these in its own terminal:`,
    `  ${xlreg} create demo --size 2 --registry ${dataDir}/regCred.dat`,
    `  ${xlreg} join demo --name alice --end-point 127.0.0.1:4001 --wait 60 --registry ${dataDir}/regCred.dat`,
    `  ${xlreg} join demo --name bob --end-point 127.0.0.1:4002 --wait 60 --registry ${dataDir}/regCred.dat`,
  ];
  if (advertise === undefined && /^(0\.0\.0\.0|\[::\]):/.test(tcp)) {
    lines.push('regCred.dat names this machine only; for nodes on other machines, start with --advertise HOST:PORT.');
  }
  return `${lines.join('\n')}\n`;
}
