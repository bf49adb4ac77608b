import { gflops, type Result } from "./measure.ts";

export interface Column {
  readonly title: string;
  readonly text: (r: Result) => string;
  readonly left?: boolean;
}

/** Columns of the table that people read; `peak` in GFLOP/s. */
export function columns(peak: number): readonly Column[] {
  return [
    { title: "", text: (r) => r.group, left: true },
    { title: "", text: (r) => r.name, left: true },
    { title: "ms", text: (r) => milliseconds(r.median) },
    { title: "best", text: (r) => milliseconds(r.best) },
    { title: "GFLOP/s", text: (r) => (r.macs > 0 ? gflops(r).toFixed(1) : "") },
    { title: "of peak", text: (r) => (r.macs > 0 ? `${((100 * gflops(r)) / peak).toFixed(0)} %` : "") },
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
