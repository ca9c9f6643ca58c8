// Start step 6: scheduled backups.
import { BackupFolder } from '../backup/backup-folder.ts';
import { BackupError } from '../backup/registry-files.ts';
import { type BackupObserver, ScheduledBackups } from '../backup/scheduled-backups.ts';
import { type Config, ConfigError } from '../config.ts';
import { type BackupState, backupMetrics } from '../metrics/backup-metrics.ts';
import { accessTo, WRITE_ACCESS } from '../runtime/file-access.ts';
import type { OpenedIdentity } from './open-identity.ts';
import type { ServerContext } from './server-context.ts';

type BackupSettings = Pick<Config, 'backupDir' | 'dataDir' | 'store'>;

/** Throws ConfigError if the settings of backups cannot work. A missing directory may still come. */
export function checkBackupSettings({ backupDir, dataDir, store }: BackupSettings): void {
  if (backupDir === undefined) return;
  if (store !== 'lmdb') {
    const instead = store === 'memory' ? 'nothing is stored' : 'back up etcd with etcdctl snapshot save';
    throw new ConfigError(`backup-dir: needs --store lmdb; with --store ${store.split(':', 1)} ${instead}`);
  }
  try {
    new BackupFolder(backupDir, dataDir, '').assertOutside();
  } catch (error) {
    if (error instanceof BackupError) throw new ConfigError(`backup-dir: ${error.message}`);
    throw error;
  }
}

/** Starts the schedule, if there is a directory for it. */
export function startBackups(context: ServerContext, { identity }: OpenedIdentity): void {
  const { config, metrics, copies, onStop } = context;
  const { backupDir, backupEvery, backupKeep, dataDir } = config;
  if (backupDir === undefined) return backupMetrics(metrics, undefined);
  const state: BackupState = {
    everySeconds: backupEvery / 1000,
    ...{ lastSuccess: 0, lastBytes: 0, lastSeconds: 0, succeeded: 0, failed: 0 },
  };
  backupMetrics(metrics, state);
  const plan = {
    folder: new BackupFolder(backupDir, dataDir, identity.id.toString('hex')),
    everyMs: backupEvery,
    keep: backupKeep,
    dataDirectory: dataDir,
    copyTable: (directory: string) => copies.copy(directory),
  };
  const backups = new ScheduledBackups(plan, backupObserver(context, state));
  onStop(() => backups.close());
  void warnOfWriters(context, backupDir);
}

async function warnOfWriters({ observer: { log } }: ServerContext, directory: string): Promise<void> {
  // A missing directory may still come; each attempt tells of it.
  const { access, mode } = await accessTo(directory, WRITE_ACCESS).catch(() => ({ access: 'nobody', mode: '' }));
  if (access !== 'others') return;
  log.warn({ directory, mode }, 'others can write in the backup directory, and so replace backups: chmod go-w it');
}

function backupObserver({ observer: { log }, config }: ServerContext, state: BackupState): BackupObserver {
  const secondsOf = (time: Date) => time.getTime() / 1000;
  return {
    found(last) {
      if (last !== undefined) state.lastSuccess = secondsOf(last.time);
      log.info({ directory: config.backupDir, last: last?.path }, 'backups are scheduled');
    },
    made({ path, time }, bytes, seconds) {
      state.lastSuccess = secondsOf(time);
      state.lastBytes = bytes;
      state.lastSeconds = seconds;
      state.succeeded += 1;
      log.info({ path, bytes, seconds }, 'a backup is made and verified');
    },
    failed(error, retryMs) {
      state.failed += 1;
      log.error({ reason: error.message, retrySeconds: retryMs / 1000 }, 'a scheduled backup failed');
    },
    notPruned: (reason) => log.warn({ reason }, 'an old backup is not removed'),
  };
}
