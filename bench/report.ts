import { gflops, type Result } from "./measure.ts";

export interface Column {
  readonly title: string;
  readonly text: (r: Result) => string;
  readonly left?: boolean;
}

/** Milliseconds and GFLOP/s of the median; GFLOP/s of the best run, and that as a part of `peak`, which is a best as well. */
export function columns(peak: number): readonly Column[] {
  return [
    { title: "", text: (r) => r.group, left: true },
    { title: "", text: (r) => r.name, left: true },
    { title: "ms", text: (r) => milliseconds(r.median) },
    { title: "GFLOP/s", text: (r) => (r.macs > 0 ? gflops(r).toFixed(1) : "") },
    { title: "best", text: (r) => (r.macs > 0 ? gflops(r, "best").toFixed(1) : "") },
    { title: "of peak", text: (r) => (r.macs > 0 ? `${((100 * gflops(r, "best")) / peak).toFixed(0)} %` : "") },
    { title: "GB/s", text: (r) => (r.macs === 0 && r.bytes > 0 ? (r.bytes / r.median / 1e6).toFixed(1) : "") },
  ];
}

const milliseconds = (ms: number): string => ms.toFixed(ms < 1 ? 4 : ms < 100 ? 2 : 0);

/** Prints rows as they come, in columns of fixed width. */
export function tablePrinter(cols: readonly Column[], print: (line: string) => void) {
  const widths = cols.map((c, i) => (c.left ? [18, 44][i]! : 9));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (cols[i]!.left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join(" ")
      .trimEnd();
  return {
    head: (title: string) => print(`\n${title}\n${line(cols.map((c) => c.title))}`),
    row: (r: Result) => print(line(cols.map((c) => c.text(r)))),
  };
}
