// Checks of `xlreg config check` that need this machine: certificates, secrets and ports.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, Server } from 'node:net';
import { createSecureContext } from 'node:tls';
import { type Config, ConfigError } from '../config.ts';
import { holderOf } from '../identity/data-directory-lock.ts';
import { Certificate } from '../net/certificate.ts';
import { readEtcdAccess } from '../server/etcd-access.ts';
import { checkBackupSettings } from '../server/start-backups.ts';

/** Days before the end of a certificate from which its end is noted. */
const EXPIRY_NOTE_DAYS = 14;
const DAY_MS = 86_400_000;

/** Findings of the checks, one line each. */
export interface Findings {
  readonly faults: string[];
  /** Facts that do not keep a registry from starting. */
  readonly notes: string[];
}

/** The valid settings in effect, and the origin of each for messages. */
export interface CheckedSettings {
  /** A faulty setting is absent. */
  readonly config: Partial<Config>;
  /** Such as `c.json: ws-tls`, `--ws-tls` or `XLREG_WS_TLS`. */
  where(name: string): string;
}

/** Reads the certificates of the listeners, and the files of etcd. */
export async function checkCertificates({ config, where }: CheckedSettings, found: Findings): Promise<void> {
  for (const [name, files] of [
    ['ws-tls', config.wsTls],
    ['admin-tls', config.adminTls],
  ] as const) {
    if (files === undefined) continue;
    await Certificate.open(files).then(
      ({ pair }) => noteExpiry(where(name), new X509Certificate(pair.cert), found),
      (error: Error) => found.faults.push(`${where(name)}: ${error.message}`),
    );
  }
  try {
    const { tls } = readEtcdAccess(config as Config, process.env);
    if (tls) createSecureContext(tls);
  } catch (error) {
    // The text begins with the name of the setting, or is of OpenSSL.
    const [, name = 'etcd-tls', text] = /^(?:(etcd-[a-z-]+): )?(.*)/.exec((error as Error).message)!;
    found.faults.push(`${where(name)}: ${text}`);
  }
}

function noteExpiry(where: string, { validFrom, validTo }: X509Certificate, { faults, notes }: Findings): void {
  const daysLeft = (Date.parse(validTo) - Date.now()) / DAY_MS;
  if (Date.parse(validFrom) > Date.now()) faults.push(`${where}: the certificate is valid only from ${validFrom}`);
  if (daysLeft < 0) faults.push(`${where}: the certificate has expired, on ${validTo}`);
  else if (daysLeft < EXPIRY_NOTE_DAYS) notes.push(`${where}: the certificate expires on ${validTo}`);
}

/** An address to listen on, with the name of its setting. */
interface Listener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** Runs the checks of settings against each other that a start makes. */
export function checkCombinations({ config, where }: CheckedSettings, { faults, notes }: Findings): void {
  const { backupDir, dataDir, store } = config;
  if (dataDir === undefined || store === undefined) return;
  try {
    checkBackupSettings({ backupDir, dataDir, store });
    const isMissing = backupDir !== undefined && !existsSync(backupDir);
    if (isMissing) notes.push(`${where('backup-dir')}: ${backupDir} does not exist; until it does, backups fail`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    faults.push(error.message.replace(/^backup-dir/, where('backup-dir')));
  }
}

/** Finds ports that two listeners share, and ports that cannot be bound. Port 0 never clashes. */
export async function checkPorts({ config, where }: CheckedSettings, { faults, notes }: Findings): Promise<void> {
  const listeners = Object.entries(config).flatMap(([name, value]) =>
    isAddress(value) ? [{ name: settingName(name), ...value }] : [],
  );
  const named = listeners.filter(({ port }) => port !== 0);
  const holder = config.dataDir === undefined ? undefined : await holderOf(config.dataDir).catch(() => undefined);
  const bound = new Map<Listener, Server>();
  try {
    for (const [at, listener] of named.entries()) {
      const text = `${where(listener.name)}: ${printAddress(listener)}`;
      const result = await bind(listener);
      if (result instanceof Server) bound.set(listener, result);
      // A host may be written in several ways, so a port that this check holds counts as shared.
      const isShared = (earlier: Listener) =>
        earlier.port === listener.port &&
        (overlap(earlier.host, listener.host) || (bound.has(earlier) && !(result instanceof Server) && result.inUse));
      const other = named.slice(0, at).find(isShared);
      if (other) faults.push(`${text} is also the port of ${where(other.name)}`);
      if (result instanceof Server || other) continue;
      // A running registry holds its own ports.
      if (result.inUse && holder !== undefined) {
        notes.push(`${text} ${result.text}: a registry runs on ${config.dataDir}, ${holder}`);
      } else faults.push(`${text} ${result.text}`);
    }
  } finally {
    for (const server of bound.values()) server.close();
  }
}

/** `adminTls` → `admin-tls`. */
function settingName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function isAddress(value: unknown): value is Omit<Listener, 'name'> {
  return typeof value === 'object' && value !== null && 'host' in value && 'port' in value;
}

function overlap(a: string, b: string): boolean {
  return a === b || [a, b].some((host) => host === '::' || host === '0.0.0.0');
}

function printAddress({ host, port }: Listener): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const BIND_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use',
  EACCES: 'needs the right to bind a port below 1024',
  EADDRNOTAVAIL: 'is no address of this machine',
  ENOTFOUND: 'has a host name that does not resolve',
};

/** Resolves to a server that holds the port, or to the reason why it cannot. */
async function bind({ host, port }: Listener): Promise<Server | { inUse: boolean; text: string }> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    return server;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    return { inUse: code === 'EADDRINUSE', text: BIND_FAILURES[code] ?? `cannot be bound: ${message}` };
  }
}
