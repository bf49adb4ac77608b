import type { EpochLine } from "../train/checkpoint.ts";

// Four polylines and two axes are forty lines of SVG; a plotting library would be the command's only dependency.

const width = 720;
const height = 400;
const edge = { left: 56, right: 150, top: 20, bottom: 40 };
const series = [
  { key: "trainLoss", name: "training loss", colour: "#c2571a", dash: "", loss: true },
  { key: "testLoss", name: "test loss", colour: "#c2571a", dash: "5 4", loss: true },
  { key: "trainAccuracy", name: "training accuracy", colour: "#1a6fc2", dash: "", loss: false },
  { key: "testAccuracy", name: "test accuracy", colour: "#1a6fc2", dash: "5 4", loss: false },
] as const;

/** The curves of a run as an SVG: accuracy on the left axis from 0 to 1, loss scaled to its largest value. */
export function plot(history: readonly EpochLine[], title: string): string {
  const losses = history.flatMap((h) => [h.trainLoss, h.testLoss ?? 0]);
  const top = Math.max(1e-9, ...losses);
  const x = (i: number) => edge.left + ((width - edge.left - edge.right) * i) / Math.max(1, history.length - 1);
  const y = (share: number) => height - edge.bottom - (height - edge.top - edge.bottom) * share;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (t) =>
      `<line x1="${edge.left}" x2="${width - edge.right}" y1="${y(t)}" y2="${y(t)}" stroke="#ddd"/>` +
      `<text x="${edge.left - 6}" y="${y(t) + 4}" text-anchor="end">${Math.round(100 * t)} %</text>` +
      `<text x="${width - edge.right + 6}" y="${y(t) + 4}">${(t * top).toFixed(2)}</text>`,
  );
  const measured = series.filter(({ key }) => history.some((h) => h[key] !== undefined));
  const lines = measured.map(({ key, name, colour, dash, loss }, row) => {
    const points = history.flatMap((h, i) => {
      const value = h[key];
      return value === undefined ? [] : [`${x(i).toFixed(1)},${y(loss ? value / top : value).toFixed(1)}`];
    });
    const style = `fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"`;
    const legend = edge.top + 18 * row + 8;
    return (
      `<polyline points="${points.join(" ")}" ${style}/>` +
      `<line x1="${width - 104}" x2="${width - 84}" y1="${legend}" y2="${legend}" ${style}/>` +
      `<text x="${width - 80}" y="${legend + 4}" font-size="9">${name}</text>`
    );
  });
  const escaped = title.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<title>${escaped}</title><rect width="${width}" height="${height}" fill="#fff"/>`,
    ...ticks,
    ...lines,
    `<text x="${edge.left}" y="${height - 12}">${escaped}: epochs 1 to ${history.length}</text>`,
    "</svg>",
    "",
  ].join("\n");
}
