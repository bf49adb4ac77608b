/** A line that grows on a terminal's standard error; elsewhere nothing is written. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #unit: string;
  readonly #started = performance.now();
  readonly #shown = process.stderr.isTTY === true;
  #last = 0;

  /** @param unit what is counted, e.g. "MB" */
  constructor(what: string, total: number, unit = "") {
    this.#unit = unit === "" ? "" : ` ${unit}`;
    this.#what = what;
    this.#total = total;
  }

  /** @param note what stands behind the bar, e.g. the accuracy so far */
  update(done: number, note = ""): void {
    if (!this.#shown) return;
    const now = performance.now();
    if (now - this.#last < 80 && done < this.#total) return;
    this.#last = now;
    const share = this.#total === 0 ? 1 : done / this.#total;
    const seconds = (now - this.#started) / 1000;
    const left = done === 0 ? "" : ` ${clock((seconds / done) * (this.#total - done))} left`;
    const width = 24;
    const filled = Math.round(share * width);
    const bar = "█".repeat(filled) + "░".repeat(width - filled);
    const line = `${this.#what} ${bar} ${done}/${this.#total}${this.#unit}${left}${note === "" ? "" : `  ${note}`}`;
    process.stderr.write(`\r\x1b[K${line.slice(0, Math.max(20, (process.stderr.columns || 80) - 1))}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown) process.stderr.write("\r\x1b[K");
  }
}

function clock(seconds: number): string {
  const s = Math.ceil(seconds);
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}
