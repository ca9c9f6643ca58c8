// Start step 2: the audit log. It opens before the admin port, and closes after everything that it records.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEvent, AuditSink } from '../audit/audit-event.ts';
import { AUDIT_FILE, AUDIT_KEY_FILE, AuditKeyError, openAuditKey } from '../audit/audit-files.ts';
import { AuditLog } from '../audit/audit-log.ts';
import { type Identity, IdentityError, keepPrivate } from '../identity/identity.ts';
import { auditMetrics } from '../metrics/audit-metrics.ts';
import { keyFingerprint } from '../wire/rsa-key.ts';
import type { ServerContext } from './server-context.ts';

/** The audit log as the parts of a server use it. */
export interface ServerAudit extends AuditSink {
  /** False if --audit-log is off. */
  readonly isOn: boolean;
}

/** Resolves to a log that records nothing if --audit-log is off. Rejects with IdentityError. */
export async function openAudit(
  { config, observer, metrics, onStop }: ServerContext,
  identity: Identity,
): Promise<ServerAudit> {
  const { log } = observer;
  if (config.auditLog === 'off') return { record() {}, isOn: false };
  const file = config.auditLog ?? join(config.dataDir, AUDIT_FILE);
  const key = await openKey(config.dataDir, (warning) => log.warn(warning));
  const files = { file, key, fileBytesMax: config.auditFileBytes, filesMax: config.auditFiles };
  const audit = await AuditLog.open(files, {
    failed: (reason) => log.warn({ file, reason }, 'the audit log cannot be written: its lines are lost'),
    recovered: (lost) => log.warn({ file, lost }, 'the audit log can be written again'),
    anchor: ({ sequence, hash }) =>
      log.info({ auditLine: sequence, auditHash: hash }, 'the newest line of the audit log'),
  });
  const server = { server: true } as const;
  audit.record({ actor: server, action: 'start', object: keysOf(identity), outcome: 'done' });
  onStop(async () => {
    audit.record({ actor: server, action: 'stop', object: {}, outcome: 'done' });
    await audit.close();
  });
  auditMetrics(
    metrics,
    () => audit.counts,
    () => audit.newest,
  );
  return { record: (event) => audit.record(event), isOn: true };
}

/** The fingerprints in a start's line show a rotation of the comms key since the start before. */
function keysOf({ commsKey, previousCommsKey }: Identity): AuditEvent['object'] {
  const fingerprint = (key: KeyObject) => keyFingerprint(createPublicKey(key));
  return { commsKey: fingerprint(commsKey), previousCommsKey: previousCommsKey && fingerprint(previousCommsKey) };
}

async function openKey(dataDirectory: string, warn: (warning: string) => void) {
  const path = join(dataDirectory, AUDIT_KEY_FILE);
  const warning = existsSync(path) ? await keepPrivate(path) : undefined;
  if (warning) warn(warning);
  try {
    return await openAuditKey(dataDirectory);
  } catch (error) {
    throw error instanceof AuditKeyError ? new IdentityError(error.message) : error;
  }
}
