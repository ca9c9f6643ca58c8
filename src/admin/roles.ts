// Roles of admin tokens, and the role that each route of the admin port needs.

/** Each role may do what the ones before it may. */
export const ROLES = ['read', 'operate', 'admin'] as const;

/** `read` looks; `operate` also changes the table and the server's work; `admin` also handles secrets and tokens. */
export type Role = (typeof ROLES)[number];

/** The needed role by route; `open` needs no token. Every route of the admin port has a row. */
export const ROUTE_ROLES: Readonly<Record<string, Role | 'open'>> = {
  'GET /': 'open',
  'GET /page/{file}': 'open',
  'GET /api/registry': 'open',
  'GET /regCred.dat': 'open',
  'GET /metrics': 'open',
  'GET /readyz': 'open',
  'GET /livez': 'open',
  'GET /healthz': 'open',
  'GET /api/whoami': 'read',
  'GET /api/status': 'read',
  'GET /api/clusters': 'read',
  'POST /api/clusters': 'operate',
  'GET /api/clusters/{cluster}': 'read',
  'DELETE /api/clusters/{cluster}': 'operate',
  'GET /api/clusters/{cluster}/members': 'read',
  'DELETE /api/clusters/{cluster}/members/{member}': 'operate',
  'GET /api/clusters/{cluster}/tokens': 'operate',
  // A join token lets its holder in, or takes a member's seat.
  'POST /api/clusters/{cluster}/tokens': 'admin',
  'DELETE /api/clusters/{cluster}/tokens/{token}': 'operate',
  'DELETE /api/marks': 'operate',
  'DELETE /api/marks/{client}': 'operate',
  'GET /api/sessions': 'read',
  'GET /api/limits': 'read',
  'GET /api/log-level': 'read',
  'PUT /api/log-level': 'operate',
  'POST /drain': 'operate',
  // A backup holds the registry's secret keys.
  'POST /backup': 'admin',
  'POST /api/backup': 'admin',
  'GET /api/tokens': 'admin',
  'POST /api/tokens': 'admin',
  'DELETE /api/tokens/{name}': 'admin',
  'POST /api/tokens/local/rotate': 'admin',
};

/** True if a token with the role `has` may use what needs the role `needs`. */
export function includesRole(has: Role, needs: Role): boolean {
  return ROLES.indexOf(has) >= ROLES.indexOf(needs);
}
