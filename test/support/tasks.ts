import type { Browser, Page } from "playwright-core";

/** The longest task of a page's main thread, in milliseconds. */
export interface Tasks {
  /** By the clock, which runs on while others have the processor. */
  readonly wall: number;
  /** By the thread's own processor time. */
  readonly processor: number;
  /** How many times longer all tasks took by the clock than by the processor: above 1.25 somebody else was busy. */
  readonly stretch: number;
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
}

/** Watches the main thread of `page` while `body` runs. */
export async function tasksOf(browser: Browser, page: Page, body: () => Promise<void>): Promise<Tasks> {
  await browser.startTracing(page, { categories: ["toplevel", "blink.user_timing"] });
  let trace: Buffer;
  try {
    await page.evaluate(() => performance.mark("this page"));
    await body();
  } finally {
    trace = await browser.stopTracing();
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: readonly TraceEvent[] };
  const mark = traceEvents.find(({ name }) => name === "this page");
  if (mark === undefined) throw new Error("the trace does not know the page");
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid }) => ph === "X" && pid === mark.pid && tid === mark.tid && name.endsWith("RunTask"),
  );
  const longest = (of: (e: TraceEvent) => number | undefined): number =>
    tasks.reduce((most, e) => Math.max(most, of(e) ?? 0), 0) / 1000;
  // Short tasks are mostly the tracing itself.
  const long = tasks.filter(({ dur = 0 }) => dur > 2000);
  const sum = (of: (e: TraceEvent) => number | undefined): number => long.reduce((all, e) => all + (of(e) ?? 0), 0);
  return {
    wall: longest((e) => e.dur),
    processor: longest((e) => e.tdur),
    stretch:
      long.length === 0
        ? 1
        : sum((e) => e.dur) /
          Math.max(
            1,
            sum((e) => e.tdur),
          ),
  };
}

/** How much of a processor one thread gets just now, 0 to 1. */
export function processorShare(): number {
  const [started, before] = [performance.now(), process.cpuUsage()];
  while (performance.now() < started + 300) Math.sqrt(started);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / (performance.now() - started);
}
