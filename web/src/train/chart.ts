import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Steps and convolutions are counted: no line between 1 and 2. */
const whole = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];

const axis = (label: string, size: number) => ({
  label,
  size,
  labelSize: 20,
  labelFont: "12px system-ui, sans-serif",
  stroke: colour("--muted"),
  grid: { stroke: colour("--line"), width: 1 },
});

export interface CurvesOptions {
  /** What the two curves are called. */
  readonly names: readonly [string, string];
  /** What a screen reader calls the chart. */
  readonly label: string;
  readonly x: string;
  readonly y: string;
}

/** Two curves, drawn at most once a frame: a worker may send faster than a screen shows. */
export class Curves {
  readonly element = document.createElement("div");
  readonly #data: [x: number[], first: number[], second: number[]] = [[], [], []];
  readonly #options: CurvesOptions;
  #plot: uPlot | undefined;
  #frame = 0;

  constructor(options: CurvesOptions) {
    this.#options = options;
    this.element.className = "chart";
    this.element.setAttribute("role", "img");
    this.element.setAttribute("aria-label", options.label);
    // A canvas does not follow the style sheet: in another scheme it is made again.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      if (this.#plot === undefined) return;
      this.#plot.destroy();
      this.#make();
    });
    new ResizeObserver(() => {
      if (this.#plot === undefined) this.#make();
      else this.#plot.setSize({ width: this.element.clientWidth, height: 240 });
    }).observe(this.element);
  }

  add(x: number, a: number, b: number): void {
    this.#data[0].push(x);
    this.#data[1].push(a);
    this.#data[2].push(b);
    this.#draw();
  }

  /** Other curves in place of these. */
  replace(a: readonly number[] = [], b: readonly number[] = []): void {
    this.#data[0] = a.map((_, i) => i + 1);
    this.#data[1] = [...a];
    this.#data[2] = [...b];
    this.#draw();
  }

  #draw(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#plot?.setData(this.#data);
    });
  }

  #make(): void {
    const { names, x, y } = this.#options;
    const points = { fill: colour("--card") };
    this.#plot = new uPlot(
      {
        width: this.element.clientWidth || 320,
        height: 240,
        scales: { x: { time: false } },
        legend: { live: false },
        cursor: { show: false },
        axes: [{ ...axis(x, 32), incrs: whole }, axis(y, 50)],
        series: [
          { label: x },
          { label: names[0], stroke: colour("--accent"), width: 2, points },
          { label: names[1], stroke: colour("--warm"), width: 2, dash: [6, 4], points },
        ],
      },
      this.#data,
      this.element,
    );
  }
}
