// The reload at SIGHUP: reads the settings again, and lets each part of the server take over what it can. Faulty
// settings change nothing. A part that fails keeps what it had; the other parts go on.
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { type Config, SETTING_NAMES, settingKey } from '../config.ts';
import type { ReloadMetrics } from '../metrics/reload-metrics.ts';

/** A part of the server that a reload can change. Each stage of the start registers its own. */
export interface ReloadablePart {
  /** For the log. */
  readonly name: string;
  /** Names of the settings that it can take over from `next`. A change of all others needs a restart. */
  settings(next: Config): readonly string[];
  /** Takes over `next`, and reads its files again. Throws or rejects, and keeps what it had, if that is impossible. */
  reload(next: Config, before: Config): void | Promise<void>;
}

/** Result of a reload. */
export interface ReloadResult {
  /** The settings that were taken over with another value. */
  readonly changed: readonly string[];
  /** `in-part` if a part failed, `failed` if the settings are faulty. */
  readonly outcome: 'done' | 'in-part' | 'failed';
}

type Values = Readonly<Record<string, unknown>>;

export class Reload {
  readonly #log: Logger;
  readonly #metrics: ReloadMetrics;
  /** BOUNDED by the stages of the start. */
  readonly #parts: ReloadablePart[] = [];
  #config: Config;
  #reloading: Promise<ReloadResult> | undefined;
  /** A signal came during a reload: one more reload follows it, whatever the number of signals. */
  #again = false;

  constructor(config: Config, log: Logger, metrics: ReloadMetrics) {
    this.#config = config;
    this.#log = log;
    this.#metrics = metrics;
  }

  /** The settings in effect: those of the start with what reloads have taken over. */
  get config(): Config {
    return this.#config;
  }

  /** Registers a part. */
  add(part: ReloadablePart): void {
    this.#parts.push(part);
  }

  /**
   * Reloads from what `read` returns, which throws ConfigError for faulty settings. Resolves to the result of the last
   * reload that it led to. Never rejects.
   */
  run(read: () => Config): Promise<ReloadResult> {
    this.#again = this.#reloading !== undefined;
    this.#reloading ??= this.#runAll(read).finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  async #runAll(read: () => Config): Promise<ReloadResult> {
    for (;;) {
      this.#again = false;
      const result = await this.#runOnce(read);
      this.#metrics.reloaded(result.outcome === 'done');
      if (!this.#again) return result;
    }
  }

  async #runOnce(read: () => Config): Promise<ReloadResult> {
    let next: Config;
    try {
      next = read();
    } catch (error) {
      this.#log.error(
        { reason: (error as Error).message },
        'the reload failed: the settings are faulty, and nothing has changed',
      );
      return { changed: [], outcome: 'failed' };
    }
    const { taken, failed, failures } = await this.#offer(next);
    const before = this.#config;
    this.#config = merge(before, next, taken);
    const changed = differences(before, this.#config);
    const needRestart = differences(this.#config, next);
    for (const name of failed) delete needRestart[name];
    if (Object.keys(needRestart).length > 0) {
      this.#log.warn({ changed, needRestart }, 'reloaded; some changed settings need a restart');
    } else this.#log.info({ changed }, failures === 0 ? 'reloaded' : 'reloaded in part');
    return { changed: Object.keys(changed), outcome: failures === 0 ? 'done' : 'in-part' };
  }

  /** Offers the settings to each part. Resolves to the names that parts took over, and the names of failed parts. */
  async #offer(next: Config): Promise<{ taken: string[]; failed: string[]; failures: number }> {
    const result = { taken: [] as string[], failed: [] as string[], failures: 0 };
    for (const part of this.#parts) {
      const names = part.settings(next);
      try {
        await part.reload(next, this.#config);
        result.taken.push(...names);
      } catch (error) {
        result.failures += 1;
        result.failed.push(...names);
        this.#log.error(
          { part: part.name, reason: (error as Error).message },
          'a part is not reloaded, and stays as it was',
        );
      }
    }
    return result;
  }
}

function merge(before: Config, next: Config, taken: readonly string[]): Config {
  const values: Values = next;
  const entries = taken.map((name) => [settingKey(name), values[settingKey(name)]]);
  return Object.freeze({ ...before, ...Object.fromEntries(entries) });
}

/** By setting: the value in each. Settings hold no secret. */
function differences(before: Config, after: Config): Record<string, { from: unknown; to: unknown }> {
  const settingOf = (config: Values, name: string) => config[settingKey(name)] ?? null;
  const pairs = SETTING_NAMES.map(
    (name) => [name, { from: settingOf(before, name), to: settingOf(after, name) }] as const,
  );
  return Object.fromEntries(pairs.filter(([, { from, to }]) => !isDeepStrictEqual(from, to)));
}
