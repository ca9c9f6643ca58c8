// Latencies in HDR histograms: microseconds with three significant digits, up to ten minutes.
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';

const MICROSECONDS_MAX = 600_000_000;

/** A histogram of latencies; recorded and read in milliseconds. */
export class Latencies {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: MICROSECONDS_MAX,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });

  /** Decodes the histogram of another process. */
  static decode(text: string): Latencies {
    const latencies = new Latencies();
    latencies.#histogram.add(decodeFromCompressedBase64(text, 32, false));
    return latencies;
  }

  /** Merges several histograms. */
  static merge(parts: readonly Latencies[]): Latencies {
    const merged = new Latencies();
    for (const part of parts) merged.#histogram.add(part.#histogram);
    return merged;
  }

  /** Records a latency. Values above ten minutes count as ten minutes. */
  record(milliseconds: number): void {
    const microseconds = Math.round(milliseconds * 1_000);
    this.#histogram.recordValue(Math.min(Math.max(microseconds, 0), MICROSECONDS_MAX));
  }

  /** The latency in milliseconds that `percent` % of the values do not exceed. */
  percentile(percent: number): number {
    return this.#histogram.getValueAtPercentile(percent) / 1_000;
  }

  get max(): number {
    return this.#histogram.maxValue / 1_000;
  }

  encode(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }
}
