import { Bench } from "tinybench";

export interface Timing {
  /** Milliseconds. */
  readonly median: number;
  readonly best: number;
  readonly runs: number;
}

export interface Result extends Timing {
  /** `ops` or `models`. */
  readonly suite: string;
  readonly backend: string;
  readonly group: string;
  readonly name: string;
  /** Multiply-accumulates; 0 where memory is what is measured. */
  readonly macs: number;
  /** Bytes read and written at least once. */
  readonly bytes: number;
}

/** Times `body` for about `time` milliseconds after a warm-up of a tenth of that, and at least once each. */
export function timing(body: () => void, time: number): Timing {
  const bench = new Bench({ time, iterations: 1, warmupTime: time / 10, warmupIterations: 1 });
  bench.add("body", body);
  const result = bench.runSync()[0]!.result;
  if (result.state !== "completed") {
    throw "error" in result ? result.error : new Error(`a benchmark is ${result.state}`);
  }
  return { median: result.latency.p50, best: result.latency.min, runs: result.latency.samplesCount };
}

export const gflops = (r: Result): number => (2 * r.macs) / r.median / 1e6;
