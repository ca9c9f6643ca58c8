// Replies with a JSON body. A refused request gets `{"error":{"code":…,"message":…}}`.
import type { HttpReply } from '../net/web-site.ts';

/** A reply with a JSON body, which no cache keeps. */
export function jsonReply(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return {
    status,
    type: 'application/json',
    body: `${JSON.stringify(body)}\n`,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers },
  };
}

/** The reply to a refused request. `code` is for programs, `message` for people. */
export function refusalReply(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  return jsonReply(status, { error: { code, message } }, headers);
}
