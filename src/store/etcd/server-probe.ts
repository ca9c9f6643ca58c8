// Probes each server of etcd, so that operators see one that is away before the others follow. Calls of the store use
// one server at a time, so they tell nothing of the others. Bound: one small call to each server per PROBE_MS, each with
// a time limit far below that.
import type { EtcdClient } from './etcd-client.ts';

/** Milliseconds from one probe of all servers to the next. */
const PROBE_MS = 2_000;

/** Probes `servers` servers and passes on each result, until the returned function is called. Keeps no process alive. */
export function probeServers(
  client: EtcdClient,
  servers: number,
  probed: (server: number, up: boolean) => void,
): () => void {
  let stopped = false;
  let next: NodeJS.Timeout | undefined;
  const probe = async () => {
    const probes = Array.from({ length: servers }, async (_, server) => {
      const up = await client.isUp(server);
      if (!stopped) probed(server, up);
    });
    await Promise.all(probes);
    if (!stopped) next = setTimeout(() => void probe(), PROBE_MS).unref();
  };
  void probe();
  return () => {
    stopped = true;
    clearTimeout(next);
  };
}
