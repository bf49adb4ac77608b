import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const axis = () => ({ stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 } });

/** Two curves over steps. */
export class Curves {
  readonly element = document.createElement("div");
  readonly #data: [x: number[], first: number[], second: number[]] = [[], [], []];
  #plot: uPlot | undefined;
  readonly #names: readonly [string, string];

  constructor(names: readonly [string, string], label: string) {
    this.#names = names;
    this.element.className = "chart";
    this.element.setAttribute("role", "img");
    this.element.setAttribute("aria-label", label);
    new ResizeObserver(() => this.#plot?.setSize({ width: this.element.clientWidth, height: 240 })).observe(
      this.element,
    );
  }

  get length(): number {
    return this.#data[0].length;
  }

  add(x: number, a: number, b: number): void {
    this.#data[0].push(x);
    this.#data[1].push(a);
    this.#data[2].push(b);
    if (this.#plot === undefined) this.#make();
    else this.#plot.setData(this.#data);
  }

  /** Other curves in place of these. */
  replace(a: readonly number[] = [], b: readonly number[] = []): void {
    this.#data[0] = a.map((_, i) => i + 1);
    this.#data[1] = [...a];
    this.#data[2] = [...b];
    if (this.#plot === undefined && a.length > 0) this.#make();
    else this.#plot?.setData(this.#data);
  }

  #make(): void {
    const [first, second] = this.#names;
    this.#plot = new uPlot(
      {
        width: this.element.clientWidth || 320,
        height: 240,
        scales: { x: { time: false } },
        axes: [axis(), axis()],
        series: [
          {},
          { label: first, stroke: colour("--accent"), width: 2 },
          { label: second, stroke: colour("--warm"), width: 2, dash: [6, 4] },
        ],
      },
      this.#data,
      this.element,
    );
  }
}
