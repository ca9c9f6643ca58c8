// The limits as operators see them: values, present use, refusals of the last minutes, and the addresses with the most
// refusals. The log has a line for each address that a limit turns away, at most one a minute.
import type { Logger } from 'pino';
import type { LimitsReport } from '../admin/api.ts';
import { LIMITS, LimitLedger, type LimitSetting, SETTINGS_OF_LIMIT } from '../admission/limit-ledger.ts';
import { LEDGER_MINUTES } from '../limits.ts';
import type { RegistryState } from './admin-site.ts';
import type { LiveLimits } from './live-limits.ts';

/** Addresses of a report. */
const TOP_ADDRESSES = 16;

/** The ledger of a server. Its warnings name the limits with their settings. */
export function newLedger(log: Logger, limits: LiveLimits): LimitLedger {
  return new LimitLedger(({ address, refused }) => {
    const entries = LIMITS.filter((limit) => refused[limit] !== undefined).map((limit) => {
      const settings = SETTINGS_OF_LIMIT[limit].map((setting) => [setting, limits.valueOf(setting)]);
      return [limit, { refused: refused[limit], ...Object.fromEntries(settings) }];
    });
    log.warn({ address, limits: Object.fromEntries(entries) }, 'limits turned clients away; see xlreg limits');
  });
}

/** Makes the report. A use is null where no single number tells it. */
export function reportLimits(limits: LiveLimits, ledger: LimitLedger, state: RegistryState): LimitsReport {
  const { recent } = ledger;
  const use = useOf(state);
  const settings = [...new Set<LimitSetting>(LIMITS.flatMap((limit) => SETTINGS_OF_LIMIT[limit]))];
  const rows = settings.map((setting) => {
    const own = LIMITS.filter((limit) => (SETTINGS_OF_LIMIT[limit] as readonly string[]).includes(setting));
    const sum = (count: (limit: (typeof own)[number]) => number) => own.reduce((all, limit) => all + count(limit), 0);
    return {
      setting,
      value: limits.valueOf(setting),
      use: use[setting] ?? null,
      limits: own,
      refused: sum((limit) => recent[limit] ?? 0),
      refusedTotal: sum((limit) => ledger.total(limit)),
    };
  });
  return { minutes: LEDGER_MINUTES, limits: rows, addresses: ledger.topAddresses(TOP_ADDRESSES) };
}

function useOf({ admission, coordinator }: RegistryState): Partial<Record<LimitSetting, number>> {
  const use = admission?.use;
  const table = coordinator?.stats.table;
  return {
    ...(use && {
      'max-connections': use.connections,
      'max-connections-per-address': use.connectionsOfAddress,
      'max-hellos-per-second': use.hellos,
      'max-hellos-per-second-per-address': use.hellosOfAddress,
    }),
    ...(table && { 'max-registrations': table.clients.value, 'max-clusters': table.clusters.value }),
  };
}
