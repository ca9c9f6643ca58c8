// The status page at / of the admin port: its files and the credentials, which need no token. For clusters and sessions
// the page uses the API like any other client, with the admin token that its reader enters.
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import {
  type HttpReply,
  type HttpRequest,
  type HttpRoutes,
  jsonReply,
  type PathParameters,
  refusalReply,
} from '../net/web-site.ts';
import { describeRegCred, printRegCred, type RegCred } from '../wire/reg-cred.ts';

/** The page runs only its own scripts and talks only to its origin, even if foreign markup gets into it. */
const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // After an upgrade, the page must not mix old and new files.
  'cache-control': 'no-cache',
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const FOLDER = new URL('page/', import.meta.url);

/** Routes without a token. `regCred` returns undefined until the registry listens. */
export function pageRoutes(regCred: () => RegCred | undefined): HttpRoutes {
  const files = new Map(readdirSync(FOLDER).map((name) => [name, fileReply(name)]));
  const credentials = (reply: (regCred: RegCred) => HttpReply): HttpReply => {
    const known = regCred();
    return known ? reply(known) : refusalReply(503, 'not-ready', 'the registry does not listen yet');
  };
  return new Map<string, (request: HttpRequest, parameters: PathParameters) => HttpReply>([
    ['GET /', () => files.get('index.html')!],
    [
      'GET /page/{file}',
      (_, { file }) => files.get(file!) ?? refusalReply(404, 'not-found', 'the status page has no such file'),
    ],
    ['GET /api/registry', () => credentials((regCred) => jsonReply(200, describeRegCred(regCred)))],
    ['GET /regCred.dat', () => credentials(regCredReply)],
  ]);
}

function fileReply(name: string): HttpReply {
  return {
    status: 200,
    type: TYPES[extname(name)]!,
    body: readFileSync(new URL(name, FOLDER), 'utf8'),
    headers: PAGE_HEADERS,
  };
}

function regCredReply(regCred: RegCred): HttpReply {
  return {
    status: 200,
    type: 'text/plain; charset=us-ascii',
    body: printRegCred(regCred),
    headers: {
      'content-disposition': 'attachment; filename="regCred.dat"',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  };
}
