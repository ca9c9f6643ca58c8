// Entries of the audit log for requests to the admin port: each route that changes something has an action.
import type { AuditEvent } from '../audit/audit-event.ts';
import type { HttpReply, HttpRequest, PathParameters } from '../net/web-site.ts';
import { jsonOf } from './json-of.ts';

type AuditObject = AuditEvent['object'];

interface AuditedAction {
  readonly action: string;
  /** The object that the request acts on. */
  object(request: HttpRequest, parameters: PathParameters): AuditObject;
}

/** By route. Every route but GET has a row; no row holds a secret. */
export const AUDITED_ACTIONS: Readonly<Record<string, AuditedAction>> = {
  'POST /api/clusters': { action: 'keep', object: ({ body }) => fieldsOf(body, { name: 'cluster', size: 'size' }) },
  'DELETE /api/clusters/{cluster}': { action: 'delete', object: (_, { cluster }) => ({ cluster }) },
  'DELETE /api/clusters/{cluster}/members/{member}': {
    action: 'evict',
    object: (_, { cluster, member }) => ({ cluster, member }),
  },
  'POST /api/clusters/{cluster}/tokens': {
    action: 'join-token-add',
    object: ({ body }, { cluster }) => ({
      cluster,
      ...fieldsOf(body, { hash: 'joinToken', uses: 'uses', ttlMs: 'ttlMs', forName: 'member' }),
    }),
  },
  'DELETE /api/clusters/{cluster}/tokens/{token}': {
    action: 'join-token-revoke',
    object: (_, { cluster, token }) => ({ cluster, joinToken: token }),
  },
  'DELETE /api/marks': { action: 'lift-marks', object: () => ({}) },
  'DELETE /api/marks/{client}': { action: 'lift-mark', object: (_, { client }) => ({ id: client }) },
  'PUT /api/log-level': { action: 'log-level', object: ({ body }) => fieldsOf(body, { level: 'level' }) },
  'POST /drain': { action: 'drain', object: () => ({}) },
  'POST /backup': { action: 'backup', object: () => ({}) },
  'POST /api/backup': { action: 'backup', object: () => ({ to: 'stream' }) },
  'POST /api/tokens': {
    action: 'token-add',
    object: ({ body }) => fieldsOf(body, { name: 'token', role: 'role', ttlSeconds: 'ttlSeconds' }),
  },
  'DELETE /api/tokens/{name}': { action: 'token-revoke', object: (_, { name }) => ({ token: name }) },
  'POST /api/tokens/local/rotate': { action: 'token-rotate', object: () => ({ token: 'local' }) },
};

/** `done`, or the code of the refusal in a reply. */
export function outcomeOf({ status, body }: HttpReply): string {
  if (status < 300) return 'done';
  const { error } = (jsonOf(Buffer.from(body)) ?? {}) as { error?: { code?: unknown } };
  return typeof error?.code === 'string' ? error.code : `status-${status}`;
}

/** The fields of a JSON body that are texts or numbers, under the names of the audit log. */
function fieldsOf(body: Buffer, names: Readonly<Record<string, string>>): AuditObject {
  const given = (jsonOf(body) ?? {}) as Readonly<Record<string, unknown>>;
  const entries = Object.entries(names).flatMap(([field, name]): [string, string | number][] => {
    const value = Object.hasOwn(given, field) ? given[field] : undefined;
    return typeof value === 'string' || typeof value === 'number' ? [[name, value]] : [];
  });
  return Object.fromEntries(entries);
}
