// Serves the real status page with hostile data, as a future or a compromised registry might send it. The stream is
// real; the API replies are invented.

import { generateKeyPairSync } from 'node:crypto';
import { pageRoutes } from '../../src/admin/status-page.ts';
import { StatusStreams } from '../../src/admin/status-streams.ts';
import { listenHttp } from '../../src/net/http/http-listener.ts';
import { type HttpReply, type HttpRoutes, jsonReply, plainReply } from '../../src/net/web-site.ts';
import { EMPTY_REPORT } from './empty-report.ts';

const MARKUP = '<img src=x onerror="globalThis.owned=1"><script>globalThis.owned=1</script>';
const END_POINT = '</td></table><svg onload=globalThis.owned=1>"\'><a href="javascript:globalThis.owned=1">x</a>';
/** Ends an event, begins another, reverses the text direction, rings the bell. */
const CONTROLS = 'a\n\nevent: clusters\ndata: {}\n\n\u202eb\u2066\u0007';

export const HOSTILE = {
  markup: MARKUP,
  /** The texts as the page has to show them. */
  shown: [MARKUP, END_POINT, 'a\\u{a}\\u{a}event: clusters\\u{a}data: {}\\u{a}\\u{a}\\u{202e}b\\u{2066}\\u{7}'],
};

/** Serves the site on loopback. It accepts every token. */
export async function startHostileSite(): Promise<{ port: number; close(): Promise<void> }> {
  const key = () => generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  const regCred = {
    name: MARKUP,
    id: Buffer.alloc(32),
    commsKey: key(),
    sigKey: key(),
    endPoints: [END_POINT],
    version: 1,
  };
  const clusters = [MARKUP, CONTROLS].map((name, at) => {
    return {
      id: `${at}${MARKUP}`,
      name,
      size: 4,
      members: 2,
      endPointCount: 1,
      attrs: 0n,
      keep: false,
      complete: false,
    };
  });
  const hostile = (key: string) => ({ [key]: 1 });
  const streams = new StatusStreams(async () => ({
    ...EMPTY_REPORT,
    version: MARKUP,
    uptimeSeconds: performance.now() / 1000,
    checks: [{ check: MARKUP, passes: false, seconds: 1 }],
    refusals: hostile(MARKUP),
    drops: hostile(CONTROLS),
    store: { ...EMPTY_REPORT.store, kind: MARKUP, servers: [{ endPoint: MARKUP, up: false }] },
    overview: { clients: 0, clusters: 0, members: 0, fullClusters: 0, seats: 0, recent: clusters },
    log: [{ time: '2026-01-01T00:00:00.000Z', level: 'warn', message: MARKUP, details: CONTROLS }],
  }));
  const members = [MARKUP, CONTROLS].map((name, index) => ({
    ...{ index, name, clientId: `${index}${MARKUP}`, endPoints: [END_POINT] },
    ...{ connected: false, dialect: MARKUP },
  }));
  const session = {
    connection: 1,
    clientName: MARKUP,
    clientId: MARKUP,
    address: MARKUP,
    transport: MARKUP,
    messages: 1,
    ageMs: 1,
  };
  const limits = [{ setting: MARKUP, value: 10, use: 9, limits: [], refused: 1, refusedTotal: 2 }];
  const shown = { cluster: { ...clusters[0], attrs: MARKUP, endPointCount: MARKUP }, members };
  const routes: HttpRoutes = new Map<string, () => HttpReply>([
    ...(pageRoutes(() => regCred) as Map<string, () => HttpReply>),
    ['GET /api/status', () => streams.reply()],
    ['GET /api/whoami', () => jsonReply(200, { name: MARKUP, role: 'admin', expires: null })],
    ['GET /api/clusters', () => plainReply(400, MARKUP)],
    ['GET /api/clusters/{cluster}/members', () => jsonReply(200, shown)],
    ['GET /api/limits', () => jsonReply(200, { minutes: 5, limits, addresses: [] })],
    ['GET /api/sessions', () => jsonReply(200, { sessions: [session], next: null })],
  ]);
  const listener = await listenHttp({ host: '127.0.0.1', port: 0, routes });
  return {
    port: listener.port,
    async close() {
      streams.close();
      await listener.close();
    },
  };
}
