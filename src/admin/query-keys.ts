// The keys that a query of the API may have. Any other is refused, since a misspelled filter would list everything.
import { type HttpRoutes, refusalReply } from '../net/web-site.ts';

/** By route; a route of the API without a row takes none. */
const QUERY_KEYS: Readonly<Record<string, readonly string[]>> = {
  'GET /api/clusters': ['limit', 'cursor', 'prefix', 'fill'],
  'GET /api/sessions': ['limit', 'cursor'],
};

/** Routes of the API, by method and path. */
const OF_API = /^[A-Z]+ \/(?:api\/|drain$|backup$)/;

/** Wraps the routes of the API so that they reply 400 to a query with an unknown or a repeated key. */
export function withQueryKeys(routes: HttpRoutes): HttpRoutes {
  return new Map(
    [...routes].map(([route, handler]) => [
      route,
      (request, parameters) => {
        const problem = OF_API.test(route) ? problemIn(request.query, QUERY_KEYS[route] ?? []) : undefined;
        return problem === undefined ? handler(request, parameters) : refusalReply(400, 'bad-query', problem);
      },
    ]),
  );
}

function problemIn(query: URLSearchParams, known: readonly string[]): string | undefined {
  const keys = [...query.keys()];
  const unknown = keys.find((key) => !known.includes(key));
  if (unknown !== undefined) {
    const others = known.length === 0 ? 'this path takes none' : `this path takes ${known.join(', ')}`;
    return `there is no parameter ${JSON.stringify(unknown)}: ${others}`;
  }
  const repeated = keys.find((key, at) => keys.indexOf(key) !== at);
  return repeated === undefined ? undefined : `the parameter ${repeated} is given more than once`;
}
