// Orders to a running registry, over its admin port.
import { OperatorError } from './operator-error.ts';

/** Where it is unless told otherwise. */
export const ADMIN = '127.0.0.1:56791';

/** Posts an order and resolves to the answer's JSON. Rejects with OperatorError: nobody answers, or what was answered. */
export async function orderRegistry(admin: string, path: string, what: string, signal: AbortSignal): Promise<unknown> {
  const answer = await fetch(adminUrl(admin, path), { method: 'POST', signal }).catch((error: Error) => {
    throw new OperatorError(`no registry answers at ${admin}: ${String(error.cause ?? error.message)}`, 3);
  });
  const text = await answer.text();
  if (!answer.ok) throw new OperatorError(`the registry ${what}: ${text.trim()}`, 1);
  return JSON.parse(text);
}

/** `HOST:PORT`, or `https://HOST:PORT` of a registry with --admin-tls; NODE_EXTRA_CA_CERTS names whom to trust. */
export function adminUrl(admin: string, path: string): string {
  return `${admin.includes('://') ? admin : `http://${admin}`}${path}`;
}
