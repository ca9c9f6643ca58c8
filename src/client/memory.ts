// Memory of a member about registries and clusters, so that the sealed dialect can notice a rollback: statements that
// it has signed, and the newest ones of others. A member home keeps this on disk (home-memory.ts). A client without a
// home remembers until its process ends. Free of Node, for browsers.

/** A statement that this member has signed. */
export interface SignedStatement {
  /** Rises with each statement; milliseconds since 1970 unless that would not rise. */
  readonly seq: number;
  /** SHA-256 of the statement's bytes, hex. */
  readonly digest: string;
  /** RSASSA-PSS by the member's SigKey, base64. Randomised, so the same bytes are sent until the statement changes. */
  readonly signature: string;
}

/** Memory about one registry. */
export interface RegistryMemory {
  /** Fingerprint of the registry's signature key at the first session. */
  readonly sigKey?: string | undefined;
  /** True once the registry has registered this member through `sealed`; it then refuses the member in other dialects. */
  readonly sealed: boolean;
  /** Oldest first; the last one is sent. BOUNDED: SIGNED_MAX. */
  readonly signed: readonly SignedStatement[];
}

/** The newest verified statement of a member. */
export interface SeenMember {
  /** Its number, which rises with each statement of the member. */
  readonly seq: number;
  /** SHA-256 of the statement's bytes, hex. */
  readonly digest: string;
  /** SHA-256 of the member's SigKey as SPKI, hex. */
  readonly sigKey: string;
}

/** Memory about one cluster. */
export interface ClusterMemory {
  /** The own seq that the last JoinReply acknowledged; 0 before the first. */
  readonly acknowledged: number;
  /** By member ID, the most recently changed last. BOUNDED: SEEN_MEMBERS_MAX. */
  readonly seen: ReadonlyMap<string, SeenMember>;
  /** The highest term (W4) of a saved roster of this cluster; undefined before the first one. */
  readonly term?: number | undefined;
  /**
   * IDs of members that were seen in a lower term and have not returned since: the registry was restored from a backup,
   * so their statements may be older. BOUNDED: those in `seen`, and the own one.
   */
  readonly restored?: ReadonlySet<string> | undefined;
}

/** A place for these memories. IDs are lower-case hex. */
export interface MemberMemory {
  /** Returns what is remembered of a registry. */
  registry(registryId: string): Promise<RegistryMemory>;
  /**
   * Replaces what is remembered of a registry, durably. `change` may run several times, as another process may change
   * the same memory. Writes nothing if it returns its argument.
   */
  changeRegistry(
    registryId: string,
    change: (before: RegistryMemory) => RegistryMemory | Promise<RegistryMemory>,
  ): Promise<RegistryMemory>;
  /** Returns what is remembered of a cluster. */
  cluster(registryId: string, clusterId: string): Promise<ClusterMemory>;
  /** Replaces what is remembered of a cluster, durably. The last of several writers wins. */
  saveCluster(registryId: string, clusterId: string, memory: ClusterMemory): Promise<void>;
}

/** Own statements kept. An entry in a roster may be older than the last one: the seat changes with the next Join. */
export const SIGNED_MAX = 64;

/** Members remembered of one cluster: four times its seats, for those that follow evicted ones. */
export const SEEN_MEMBERS_MAX = 256;

/** Clusters remembered of one registry; the one changed longest ago is forgotten first. */
export const SEEN_CLUSTERS_MAX = 64;

export const NO_REGISTRY: RegistryMemory = { sealed: false, signed: [] };
export const NO_CLUSTER: ClusterMemory = { acknowledged: 0, seen: new Map() };

/** Remembers until the process ends. */
export class ProcessMemory implements MemberMemory {
  readonly #registries: Map<string, RegistryMemory>;
  readonly #clusters: Map<string, ClusterMemory>;
  /** Settles after the last change. Never rejects. */
  #changed: Promise<unknown> = Promise.resolve();

  /** Begins with the entries of another memory. */
  constructor(
    registries: Iterable<readonly [string, RegistryMemory]> = [],
    clusters: Iterable<readonly [string, ClusterMemory]> = [],
  ) {
    this.#registries = new Map(registries);
    this.#clusters = new Map(clusters);
  }

  /** All that is remembered, for a copy. */
  entries() {
    return { registries: [...this.#registries], clusters: [...this.#clusters] };
  }

  async registry(registryId: string): Promise<RegistryMemory> {
    return this.#registries.get(registryId) ?? NO_REGISTRY;
  }

  changeRegistry(
    registryId: string,
    change: (before: RegistryMemory) => RegistryMemory | Promise<RegistryMemory>,
  ): Promise<RegistryMemory> {
    const result = this.#changed.then(async () => {
      const after = await change(this.#registries.get(registryId) ?? NO_REGISTRY);
      this.#registries.set(registryId, after);
      return after;
    });
    this.#changed = result.catch(() => {});
    return result;
  }

  async cluster(registryId: string, clusterId: string): Promise<ClusterMemory> {
    return this.#clusters.get(`${registryId} ${clusterId}`) ?? NO_CLUSTER;
  }

  async saveCluster(registryId: string, clusterId: string, memory: ClusterMemory): Promise<void> {
    const key = `${registryId} ${clusterId}`;
    this.#clusters.delete(key);
    this.#clusters.set(key, memory);
    if (this.#clusters.size > SEEN_CLUSTERS_MAX) this.#clusters.delete(this.#clusters.keys().next().value!);
  }
}
