// xlreg create: creates a cluster, or finds the one of this name. With --keep it acts as the operator, over the admin
// port.
import { z } from 'zod';
import { ClusterDiffers, type ClusterProperties, createVisitor, type JoinTokenSpec } from '../../client/index.ts';
import { ADMIN_FLAGS, adminPort, askAdmin } from '../admin-port.ts';
import { begin } from '../begin.ts';
import { type ClientFlags, confirmTime, count, name, readCommandLine, UsageError } from '../client-flags.ts';
import { creatorHome, openCreator } from '../creator-home.ts';
import { describesToken, JOIN_TOKEN_FLAGS, type JoinTokenFlags, newJoinToken } from '../join-token-flags.ts';
import { printFields, printJson } from '../print.ts';
import { connectOptions, readRegistry } from '../registry-source.ts';
import { Wait } from '../wait.ts';

/** Resolves to the exit code. Rejects as the client library does, or with UsageError or OperatorError. */
export async function create(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { flags, values, positionals } = readCommandLine(args, {
    positionals: ['NAME'],
    options: {
      size: { type: 'string' },
      'end-points': { type: 'string' },
      confirm: { type: 'string' },
      wait: { type: 'string' },
      keep: { type: 'boolean' },
      token: { type: 'boolean' },
      home: { type: 'string' },
      ...JOIN_TOKEN_FLAGS,
      ...ADMIN_FLAGS,
    },
  });
  const clusterName = name('NAME', positionals[0]!);
  if (values.size === undefined) throw new UsageError('--size is missing');
  const asked = { size: count('--size', values.size), endPoints: count('--end-points', values['end-points'] ?? '1') };
  if (asked.endPoints !== 1 && asked.endPoints !== 2) throw new UsageError('--end-points should be 1 or 2');

  const confirmMs = confirmTime(values.confirm, flags);
  if (confirmMs > 0 && values.keep) throw new UsageError('--confirm and --keep exclude each other');
  const joinToken = joinTokenIn(values, flags);
  const wait = new Wait('create', values.wait, signal);
  if (values.keep) {
    const kept = await wait
      .retry(() => createKept({ name: clusterName, ...asked }, values, wait.signal))
      .finally(() => wait.end());
    const { id: clusterId, size, endPointCount: endPoints } = kept;
    printCluster(flags.json, { name: clusterName, clusterId, size, endPoints, keep: true }, asked);
    return 0;
  }
  const visitor = joinToken ? undefined : await createVisitor();
  const joinTokens = joinToken && [joinToken];
  const { session, begun } = await wait
    .retry(async () => {
      const regCred = await readRegistry(flags, wait.signal);
      const creator = visitor ?? (await openCreator(creatorHome(values.home, regCred)));
      return await begin(regCred, connectOptions(flags, regCred, wait.signal), async (session) => {
        await session.identify(creator);
        return await session.create(clusterName, { ...asked, confirmMs, joinTokens }).catch(foundOfAnotherSize);
      });
    })
    .finally(() => wait.end());
  try {
    const { clusterId, size, endPoints, confirmMs } = begun;
    const token = joinToken && { token: joinToken.token };
    printCluster(flags.json, { name: clusterName, clusterId, size, endPoints, confirmMs, ...token }, asked);
    return 0;
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

/** For the rejection of create(): returns the cluster that exists with another size. Throws any other error. */
function foundOfAnotherSize(error: unknown): ClusterProperties {
  if (error instanceof ClusterDiffers) return error.cluster;
  throw error;
}

/** The join token to create the cluster with; undefined without --token. Throws UsageError. */
function joinTokenIn(
  values: JoinTokenFlags & { readonly token?: boolean; readonly home?: string; readonly keep?: boolean },
  { dialect }: ClientFlags,
): JoinTokenSpec | undefined {
  if (!values.token) {
    if (describesToken(values) || values.home !== undefined) throw new UsageError('--token is missing');
    return undefined;
  }
  if (values.keep) throw new UsageError('--keep and --token exclude each other');
  if (values.replace) throw new UsageError('--replace: a new cluster has no seat to replace; see xlreg token add');
  if (dialect !== 'sealed') throw new UsageError('--token needs --dialect sealed');
  return newJoinToken(values);
}

interface Shape {
  readonly size: number;
  readonly endPoints: number;
}

/** Creates the cluster as the operator, or marks an existing one as kept. Rejects with OperatorError. */
async function createKept(
  content: Shape & { readonly name: string },
  values: Parameters<typeof adminPort>[0],
  signal: AbortSignal,
): Promise<z.infer<typeof KEPT_CLUSTER>> {
  const port = await adminPort(values);
  return await askAdmin(port, 'POST /api/clusters', 'refused', KEPT_CLUSTER, signal, content);
}

/** The printed part of the admin port's response. */
const KEPT_CLUSTER = z.looseObject({ id: z.string(), size: z.number(), endPointCount: z.number() });

interface CreatedCluster extends Shape {
  readonly name: string;
  readonly clusterId: string;
  /** Undefined if the registry or the dialect does not tell it. */
  readonly confirmMs?: number | undefined;
  /** True if the cluster stays without a member; absent without --keep. */
  readonly keep?: true;
  /** The join token; absent without --token. */
  readonly token?: string;
}

function printCluster(json: boolean, cluster: CreatedCluster, asked: Shape): void {
  const { name, clusterId, size, endPoints, confirmMs, keep, token } = cluster;
  const asAsked = size === asked.size && endPoints === asked.endPoints;
  if (json) return printJson('create', { ...cluster, asked, asAsked });
  printFields([
    ['cluster', name],
    ['ID', clusterId],
    ['size', String(size)],
    ['end points', String(endPoints)],
    ...(confirmMs ? [['confirm time', `${confirmMs / 1_000} s`] as [string, string]] : []),
    ...(keep ? [['kept', 'yes'] as [string, string]] : []),
    ...(token === undefined ? [] : [['token', token] as [string, string]]),
  ]);
  if (!asAsked) process.stdout.write(`${difference(asked, { size, endPoints })}\n`);
}

/**
 * The registry corrects a request (R2, R3) or leaves an existing cluster as it is (R1). The reply does not tell which.
 */
function difference(asked: Shape, decided: Shape): string {
  const differing = [
    ...(asked.size === decided.size ? [] : [`size ${asked.size}`]),
    ...(asked.endPoints === decided.endPoints ? [] : [`end points ${asked.endPoints}`]),
  ];
  return `Requested: ${differing.join(' and ')}. The cluster existed already, or the registry corrected the request.`;
}
