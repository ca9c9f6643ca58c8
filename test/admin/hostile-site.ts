// Serves the real status page with hostile data, as a future or a compromised registry might send it. The stream is
// real; the API replies are invented.

import { generateKeyPairSync } from 'node:crypto';
import { pageRoutes } from '../../src/admin/status-page.ts';
import { StatusStreams } from '../../src/admin/status-streams.ts';
import { listenHttp } from '../../src/net/http/http-listener.ts';
import { type HttpReply, type HttpRoutes, plainReply } from '../../src/net/web-site.ts';

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
    return { id: `${at}${MARKUP}`, name, size: 4, members: 2, endPointCount: 1, attrs: 0n, keep: false };
  });
  const streams = new StatusStreams(async () => ({
    ...{ uptimeSeconds: performance.now() / 1000, failing: [], messages: 0 },
    ...{ sessions: { open: 0, started: 0 }, rsa: { operations: 0, seconds: 0 }, waiting: { hellos: 0, messages: 0 } },
    overview: { clients: 0, clusters: 0, members: 0, fullClusters: 0, seats: 0, recent: clusters },
  }));
  const members = [MARKUP, CONTROLS].map((name, index) => ({ index, name, clientId: MARKUP, endPoints: [END_POINT] }));
  const shown = { cluster: { ...clusters[0], attrs: MARKUP, endPointCount: MARKUP }, members };
  const routes: HttpRoutes = new Map<string, () => HttpReply>([
    ...(pageRoutes(() => regCred) as Map<string, () => HttpReply>),
    ['GET /api/status', () => streams.reply()],
    ['GET /api/clusters', () => plainReply(400, MARKUP)],
    [
      'GET /api/clusters/{cluster}/members',
      () => ({ status: 200, type: 'application/json', body: JSON.stringify(shown) }),
    ],
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
