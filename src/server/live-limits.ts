// The limits in effect. They are read from the settings at the start, and may be replaced while the server runs.
import type { GrowthRates } from '../admission/growth-budgets.ts';
import type { LimitSetting } from '../admission/limit-ledger.ts';
import { type Config, settingKey } from '../config.ts';
import type { CoordinatorThread } from '../coordinator/thread/handle.ts';
import { connectionsPossible } from './file-limit.ts';

/** The settings that `LiveLimits.set` replaces. The others of SETTINGS_OF_LIMIT count from the next start. */
export const LIVE_LIMIT_SETTINGS = [
  ...(['max-clusters', 'max-registrations', 'ephemeral-ttl', 'idle-registration-ttl', 'empty-cluster-ttl'] as const),
  ...(['max-connections', 'max-connections-per-address', 'max-hellos-per-second'] as const),
  ...(['max-hellos-per-second-per-address', 'max-session-bytes', 'max-session-messages'] as const),
  ...(['session-timeout-ms', 'limit-exempt'] as const),
  ...(['max-registrations-per-second-per-address', 'max-clusters-per-second-per-address'] as const),
  ...(['max-members-per-second-per-address', 'max-clusters-per-client', 'max-seats-per-client'] as const),
] as const;

type TableLimits = Parameters<CoordinatorThread['setLimits']>[0];
type ApplyLimits = (config: Config) => void;

export class LiveLimits {
  #config: Config;
  readonly #appliers: ApplyLimits[] = [];

  /** Throws ConfigError if the limit of open files is too low for the connections. */
  constructor(config: Config) {
    this.#config = withPossibleConnections(config);
  }

  /** The settings with the limits in effect. */
  get config(): Config {
    return this.#config;
  }

  /** The value in effect; a list is text, as a setting has it. */
  valueOf(setting: LimitSetting): number | string {
    const value = this.#config[settingKey(setting) as keyof Config] as number | readonly string[];
    return typeof value === 'number' ? value : value.join() || 'off';
  }

  /** Registers a function that puts limits into effect in one part of the server. */
  onSet(apply: ApplyLimits): void {
    this.#appliers.push(apply);
  }

  /**
   * Replaces the limits of LIVE_LIMIT_SETTINGS by those of `config`, and keeps all other settings. Throws ConfigError,
   * and keeps the old limits, if the limit of open files is too low for the connections.
   */
  set(config: Config): void {
    const keys = LIVE_LIMIT_SETTINGS.map((setting) => settingKey(setting) as keyof Config);
    const changed = Object.fromEntries(keys.map((key) => [key, config[key]]));
    this.#config = withPossibleConnections({ ...this.#config, ...changed });
    for (const apply of this.#appliers) apply(this.#config);
  }
}

function withPossibleConnections(config: Config): Config {
  return { ...config, maxConnections: connectionsPossible(config) };
}

/** The limits of the table. */
export function tableLimitsOf(config: Config): TableLimits {
  return {
    clients: config.maxRegistrations,
    clusters: config.maxClusters,
    ephemeralTtlMs: config.ephemeralTtl * 1000,
    idleRegistrationTtlMs: config.idleRegistrationTtl * 1000,
    emptyClusterTtlMs: config.emptyClusterTtl * 1000,
    clustersPerClient: config.maxClustersPerClient,
    seatsPerClient: config.maxSeatsPerClient,
  };
}

/** The rates of additions to the table. */
export function growthRatesOf(config: Config): GrowthRates {
  return {
    registration: config.maxRegistrationsPerSecondPerAddress,
    cluster: config.maxClustersPerSecondPerAddress,
    member: config.maxMembersPerSecondPerAddress,
  };
}
