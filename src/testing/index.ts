// Public API of `xlreg/testing`: a registry and clusters inside the process of a test. Production code must not load it.
export { TEST_MEMBERS_MAX } from './key-pool.ts';
export { startRegistry, type TestRegistry, type TestRegistryOptions } from './test-registry.ts';
export { type ClusterSeat, type TestCluster, type WithClusterOptions, withCluster } from './with-cluster.ts';
