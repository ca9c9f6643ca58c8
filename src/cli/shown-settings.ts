// The settings in effect as `xlreg config show` prints them. Invariant: no secret is among them.
import { faultsOf, SETTING_NAMES, type SettingSources } from '../config.ts';
import { describeSettings } from '../described-settings.ts';
import { settings } from '../settings.ts';

/** A setting in effect. */
export interface ShownSetting {
  readonly name: string;
  /** As given, or the default; undefined if there is none, or if it must not be shown. */
  readonly value: unknown;
  /** Words in place of the value. */
  readonly text: string | undefined;
  readonly source: 'flag' | 'environment' | 'file' | 'default';
  /** `--tcp`, `XLREG_TCP`, the path of the file, or `default`. */
  readonly from: string;
}

/** All settings in the order of the schema, and whether there is a password for etcd. */
export function showSettings(sources: SettingSources, environment: NodeJS.ProcessEnv): ShownSetting[] {
  const described = new Map(describeSettings().flatMap(({ settings }) => settings.map((one) => [one.name, one])));
  const defaults: Readonly<Record<string, unknown>> = settings.parse({});
  const shown = SETTING_NAMES.map((name): ShownSetting => {
    const [given] = sources.given.get(name) ?? [];
    if (given !== undefined) {
      // A faulty value may be a misplaced secret.
      const isFaulty = faultsOf(name, given).length > 0;
      const { source, from } = given;
      return { name, value: isFaulty ? undefined : given.value, text: isFaulty ? '(faulty)' : undefined, source, from };
    }
    const { fallback, isLiteral } = described.get(name)!;
    const computed = typeof defaults[name] === 'number' ? defaults[name] : undefined;
    const value = computed ?? (isLiteral ? fallback : undefined);
    return { name, value, text: value === undefined ? fallback : undefined, source: 'default', from: 'default' };
  });
  return [...shown, ...passwordOf(sources, environment)];
}

/** The origin of the password of etcd. A file wins over the environment. */
function passwordOf({ given }: SettingSources, environment: NodeJS.ProcessEnv): ShownSetting[] {
  const [file] = given.get('etcd-password-file') ?? [];
  const secret = { name: 'etcd-password', value: undefined, text: '(not shown)' } as const;
  if (file !== undefined) return [{ ...secret, source: file.source, from: 'the file of etcd-password-file' }];
  if (environment.XLREG_ETCD_PASSWORD === undefined) return [];
  return [{ ...secret, source: 'environment', from: 'XLREG_ETCD_PASSWORD' }];
}
