// Addresses where a registry may be reached: the end points of its credentials, or the caller's own.
import type { RegCred } from '../wire/reg-cred.ts';
import { endPointFault, parseEndPoint } from './end-point.ts';

/** Name of a transport. */
export type TransportName = 'tcp' | 'ws';

/** One address to try. */
export type Target =
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number }
  | { readonly transport: 'ws'; readonly url: string };

/** Selects the addresses to try. */
export interface TargetOptions {
  /** Default: derived from `connect`, else `tcp`. */
  readonly transport?: TransportName | undefined;
  /** `HOST:PORT` (IPv6 in brackets) or `ws:`/`wss:` URLs, one or several. Replaces the credentials' end points. */
  readonly connect?: string | readonly string[] | undefined;
}

const END_POINT_PREFIX = /^TcpEndPoint: /;
const WEBSOCKET_URL = /^wss?:\/\//;
const WEBSOCKET_PATH = '/xlreg';
/** Maximum of addresses tried for one registry: more than the servers of any registry, yet enough time for each. */
const TARGETS_MAX = 64;

/**
 * Returns the addresses to try: in order, without duplicates, 1 to 64. Credentials may list any number (C3); later ones
 * are dropped. Throws TypeError if the options name no address or contradict each other.
 */
export function targetsOf(regCred: Pick<RegCred, 'endPoints'>, options: TargetOptions): readonly Target[] {
  const { connect, transport } = options;
  if (connect === undefined && transport === 'ws') {
    throw new TypeError('the credentials name TCP end points only: transport ws needs a URL to connect to');
  }
  const places = connect === undefined ? regCred.endPoints : [connect].flat();
  if (places.length === 0) throw new TypeError('the credentials name no end point: say where to connect');
  const targets = places.slice(0, TARGETS_MAX).map((place) => targetOf(place, transport));
  return [...new Map(targets.map((target) => [printTarget(target), target])).values()];
}

function targetOf(place: string, transport: TransportName | undefined): Target {
  const isUrl = WEBSOCKET_URL.test(place);
  if (isUrl && transport === 'tcp') throw new TypeError('transport tcp connects to HOST:PORT, not to a WebSocket URL');
  if (isUrl) return { transport: 'ws', url: webSocketUrl(place) };
  return transport === 'ws' ? { transport, url: webSocketUrl(`ws://${bareEndPoint(place)}`) } : tcpTarget(place);
}

/** `host:port` or the URL, for messages. */
export function printTarget(target: Target): string {
  if (target.transport === 'ws') return target.url;
  return target.host.includes(':') ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
}

function tcpTarget(endPoint: string): Target {
  return { transport: 'tcp', ...parseEndPoint(bareEndPoint(endPoint)) };
}

function bareEndPoint(endPoint: string): string {
  const fault = endPointFault(endPoint);
  if (fault !== undefined) throw new TypeError(`an address to connect to should be HOST:PORT: ${fault}`);
  return endPoint.replace(END_POINT_PREFIX, '');
}

/** Adds the registry's default path if the URL has none. */
function webSocketUrl(text: string): string {
  if (!URL.canParse(text)) throw new TypeError('a WebSocket URL should be ws://HOST:PORT/xlreg');
  const url = new URL(text);
  if (url.pathname === '/') url.pathname = WEBSOCKET_PATH;
  url.hash = '';
  return url.href;
}
