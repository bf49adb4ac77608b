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

/** Milliseconds since some start, by the clock on the wall or by the time that this process got from the processors. */
export const clocks = {
  wall: () => performance.now(),
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
} as const;

export type Clock = keyof typeof clocks;

/** Times `body` for about `time` milliseconds after a warm-up of a tenth of that, and at least once each. */
export function timing(body: () => void, time: number, clock: Clock): Timing {
  const bench = new Bench({ time, iterations: 1, warmupTime: time / 10, warmupIterations: 1, now: clocks[clock] });
  bench.add("body", body);
  const result = bench.runSync()[0]!.result;
  if (result.state !== "completed") {
    throw "error" in result ? result.error : new Error(`a benchmark is ${result.state}`);
  }
  return { median: result.latency.p50, best: result.latency.min, runs: result.latency.samplesCount };
}

/** GFLOP/s in the median, or in the best run. */
export const gflops = (r: Result, of: "median" | "best" = "median"): number => (2 * r.macs) / r[of] / 1e6;
