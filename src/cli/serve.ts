// xlreg serve: runs a registry until it is told to stop.
import { type Logger, pino } from 'pino';
import { ConfigError, readConfig } from '../config.ts';
import { ListenError } from '../net/connection.ts';
import { LockedError } from '../server/data-directory-lock.ts';
import { IdentityError } from '../server/identity.ts';
import { toggleLogLevel } from '../server/log-level.ts';
import { type Server, startServer } from '../server/server.ts';
import { collectInThread, keepFreedMemory } from '../server/short-lived-garbage.ts';
import { StoreUnusableError } from '../store/store.ts';
import { ThreadLoadError } from '../thread-url.ts';

/** Bytes of log that wait for a reader who is slow; lines beyond it are lost, rather than the registry held up. */
const LOG_BYTES_MAX = 8 * 1024 * 1024;
/** Bytes of log that are written at once, and milliseconds that fewer may wait: each write costs two wakings of threads. */
const [LOG_WRITE_BYTES, LOG_WRITE_MS] = [8 * 1024, 100];

/** Resolves to the exit code: 0 after SIGTERM, SIGINT or POST /drain, 1 if its code is not whole, 2 if it cannot be started as asked. */
export async function serve(args: readonly string[]): Promise<number> {
  let server: Server;
  let log: Logger;
  const signal = firstSignal();
  collectInThread();
  // It only saves time: a registry goes on without it.
  keepFreedMemory().catch(() => {});
  try {
    const config = readConfig(args, process.env);
    const destination = pino.destination({
      fd: 2,
      sync: false,
      minLength: LOG_WRITE_BYTES,
      maxLength: LOG_BYTES_MAX,
      periodicFlush: LOG_WRITE_MS,
    });
    log = pino({ level: config.logLevel }, destination);
    process.on('SIGUSR2', () => toggleLogLevel(log));
    server = await startServer(config, log, (error) => {
      log.fatal({ err: error }, 'the registry cannot go on');
      destination.flushSync();
      process.exit(1);
    });
    const { reloadCertificates } = server;
    if (reloadCertificates) process.on('SIGHUP', reloadCertificates);
    const { tcp = 'off', ws = 'off', admin = 'off' } = server.addresses;
    process.stdout.write(`ready tcp=${tcp} ws=${ws} admin=${admin}\n`);
    process.stderr.write(howToJoin(config.dataDir, config.advertise, tcp));
  } catch (error) {
    const isLoading = error instanceof ThreadLoadError;
    if (!isLoading && !isUsersMistake(error)) throw error;
    process.stderr.write(`xlreg serve: ${error.message}\n`);
    return isLoading ? 1 : 2;
  }
  await Promise.race([signal, server.drainAsked]);
  log.info('draining');
  await server.stop();
  log.info('stopped');
  return 0;
}

/** Resolves at the first signal; the second has the system's own effect, which is the end at once. */
function firstSignal(): Promise<void> {
  const signals = ['SIGTERM', 'SIGINT'] as const;
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of signals) process.off(signal, stop);
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
}

function isUsersMistake(error: unknown): error is Error {
  return [ConfigError, ListenError, IdentityError, StoreUnusableError, LockedError].some(
    (kind) => error instanceof kind,
  );
}

function howToJoin(dataDir: string, advertise: readonly string[] | undefined, tcp: string): string {
  const lines = [
    `Nodes need ${dataDir}/regCred.dat. A cluster of two, each in a terminal of its own:`,
    `  npx xlreg create demo --size 2 --registry ${dataDir}/regCred.dat`,
    `  npx xlreg join demo --name alice --end-point 127.0.0.1:4001 --wait 60 --registry ${dataDir}/regCred.dat`,
    `  npx xlreg join demo --name bob --end-point 127.0.0.1:4002 --wait 60 --registry ${dataDir}/regCred.dat`,
  ];
  if (advertise === undefined && /^(0\.0\.0\.0|\[::\]):/.test(tcp)) {
    lines.push('regCred.dat names this machine only; for nodes on others start with --advertise HOST:PORT.');
  }
  return `${lines.join('\n')}\n`;
}
