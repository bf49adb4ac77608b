import { svg } from "../dom.ts";
import type { BlockInfo, NetworkInfo } from "../lab/protocol.ts";
import { strings } from "../strings.ts";

const width = 150;
const height = 34;
const gap = 14;
const columnWidth = 230;
const top = 56;

export interface DiagramOptions {
  readonly onSelect: (block: BlockInfo) => void;
}

/** The network as figure 3 of the paper draws it, stages side by side, shortcuts as arcs. Generated from what the modules say. */
export function diagram(info: NetworkInfo, { onSelect }: DiagramOptions) {
  const stages = new Map<number, BlockInfo[]>();
  for (const block of info.blocks) stages.set(block.stage, [...(stages.get(block.stage) ?? []), block]);
  const tallest = Math.max(...[...stages.values()].map((blocks) => blocks.length));
  const totalHeight = top + tallest * (height + gap) + 60;
  const totalWidth = stages.size * columnWidth + 20;
  const root = svg("svg", {
    class: "network",
    viewBox: `0 0 ${totalWidth} ${totalHeight}`,
    role: "group",
    "aria-label": strings.look.drawing,
  });
  const label = (x: number, y: number, text: string): SVGElement =>
    svg("text", { x, y, "text-anchor": "middle" }, text);
  const arcs = new Map<string, SVGElement>();
  const boxes = new Map<string, SVGElement>();
  for (const [stage, blocks] of stages) {
    const x = 20 + stage * columnWidth + 20;
    const middle = x + width / 2;
    root.append(label(middle, 20, `stage ${stage + 1}: ${blocks[0]!.output.slice(1).join(" × ")}`));
    if (stage === 0) root.append(label(middle, 40, strings.look.stem));
    blocks.forEach((block, i) => {
      const y = top + i * (height + gap);
      root.append(svg("path", { class: "line", d: `M${middle} ${y - gap} V${y}` }));
      const arc = svg("path", {
        class: `arc ${block.shortcut}`,
        d: `M${middle} ${y - gap / 2} C${x + width + 34} ${y - gap / 2} ${x + width + 34} ${y + height + gap / 2} ${middle} ${y + height + gap / 2}`,
      });
      if (block.shortcut !== "none") root.append(arc);
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
        svg("rect", { x, y, width, height, rx: 6 }),
        label(middle, y + 21, block.name),
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
    const end = top + blocks.length * (height + gap);
    root.append(svg("path", { class: "line", d: `M${middle} ${end - gap} V${end + 6}` }));
    if (stage === stages.size - 1) root.append(label(middle, end + 22, strings.look.head));
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
