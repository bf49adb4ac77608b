import { svg } from "../dom.ts";
import type { BlockInfo, NetworkInfo } from "../lab/protocol.ts";
import { strings } from "../strings.ts";

// In the drawing's own units. On a telephone of 360 pixels three stages have 302: text of 14 becomes 11.5 there, a block 64 x 30.
const width = 78;
const height = 36;
const gap = 22;
const columnWidth = 124;
const left = 8;
const top = 92;

export interface DiagramOptions {
  readonly onSelect: (block: BlockInfo) => void;
}

const label = (x: number, y: number, text: string, kind = ""): SVGElement =>
  svg("text", { x, y, "text-anchor": "middle", class: kind }, text);

/** A place where two paths are added. */
const plus = (x: number, y: number): SVGElement =>
  svg(
    "g",
    { class: "plus" },
    svg("circle", { cx: x, cy: y, r: 6 }),
    svg("path", { d: `M${x - 3.5} ${y} h7 M${x} ${y - 3.5} v7` }),
  );

/** What comes before the first block, and after the last: no choice. */
const end = (x: number, y: number, text: string): SVGElement =>
  svg(
    "g",
    { class: "end" },
    svg("rect", { x, y, width, height: 26, rx: 13 }),
    label(x + width / 2, y + 18, text, "small"),
  );

/** The network as figure 3 of the paper draws it, stages side by side, shortcuts as arcs. Generated from what the modules say. */
export function diagram(info: NetworkInfo, { onSelect }: DiagramOptions) {
  const stages = new Map<number, BlockInfo[]>();
  for (const block of info.blocks) stages.set(block.stage, [...(stages.get(block.stage) ?? []), block]);
  const tallest = Math.max(...[...stages.values()].map((blocks) => blocks.length));
  const bottom = top + tallest * (height + gap);
  const root = svg("svg", {
    class: "network",
    viewBox: `0 0 ${stages.size * columnWidth - left} ${bottom + 46}`,
    role: "group",
    "aria-label": strings.look.drawing,
  });
  const arcs = new Map<string, SVGElement>();
  const boxes = new Map<string, SVGElement>();
  for (const [stage, blocks] of stages) {
    const x = left + stage * columnWidth;
    const middle = x + width / 2;
    const lowest = top + blocks.length * (height + gap);
    const last = stage === stages.size - 1;
    root.append(
      label(middle, 18, strings.look.stage(stage + 1)),
      label(middle, 35, blocks[0]!.output.slice(1).join(" × "), "small"),
    );
    // From stage to stage: down, across, up again and into the next column.
    const across = middle + columnWidth / 2 + 8;
    const onward = last
      ? `V${lowest + 8}`
      : `V${lowest + 8} H${across} V${top - gap - 20} H${middle + columnWidth} V${top}`;
    root.append(svg("path", { class: "line", d: `M${middle} ${stage === 0 ? top - gap : top} ${onward}` }));
    if (stage === 0) root.append(end(x, top - gap - 26, strings.look.stem));
    if (last) root.append(end(x, lowest + 8, strings.look.head));
    blocks.forEach((block, i) => {
      const y = top + i * (height + gap);
      const [from, to] = [y - gap / 2 + 2, y + height + gap / 2 - 2];
      const out = x + width + 24;
      const arc = svg("path", {
        class: `arc ${block.shortcut}`,
        d: `M${middle} ${from} H${out - 10} Q${out} ${from} ${out} ${from + 10} V${to - 10} Q${out} ${to} ${out - 10} ${to} H${middle + 7}`,
      });
      if (block.shortcut !== "none") root.append(arc, plus(middle, to));
      arcs.set(block.name, arc);
      const box = svg(
        "g",
        {
          class: "block",
          role: "button",
          tabindex: "0",
          "aria-pressed": "false",
          "aria-label": strings.look.block(block.name),
        },
        svg("rect", { x, y, width, height, rx: 7 }),
        label(middle, y + 23, block.name),
      );
      const choose = (): void => {
        for (const other of boxes.values()) other.setAttribute("aria-pressed", String(other === box));
        onSelect(block);
      };
      box.addEventListener("click", choose);
      box.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose();
      });
      boxes.set(block.name, box);
      root.append(box);
    });
  }
  return {
    element: root,
    select(name: string): void {
      (boxes.get(name) as SVGGElement | undefined)?.dispatchEvent(new MouseEvent("click"));
    },
    cut(name: string, off: boolean): void {
      arcs.get(name)?.classList.toggle("off", off);
    },
  };
}
