// A status report in which nothing has happened yet, for tests that send reports of their own.
import type { StatusReport } from '../../src/admin/status-streams.ts';

export const EMPTY_REPORT: StatusReport = {
  version: '0.0.0',
  uptimeSeconds: 1,
  checks: [],
  messages: 0,
  sessions: { open: 0, started: 0 },
  rsa: { operations: 0, seconds: 0 },
  waiting: { hellos: 0, messages: 0 },
  refusals: {},
  drops: {},
  store: { kind: 'memory', bytes: 0, room: null, commits: { count: 0, seconds: 0 }, servers: [] },
  overview: { clients: 0, clusters: 0, members: 0, fullClusters: 0, seats: 0, recent: [] },
  log: [],
};
