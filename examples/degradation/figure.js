const size = { width: 460, height: 320, left: 56, right: 16, top: 28, bottom: 44 };
const looks = {
  cifar_plain20: { colour: "#c2571a", dash: "6 4" },
  cifar_plain56: { colour: "#c2571a", dash: "" },
  cifar_resnet20: { colour: "#1a6fc2", dash: "6 4" },
  cifar_resnet56: { colour: "#1a6fc2", dash: "" },
};

/** One panel: polylines by name, axes with a few ticks. Points are [x, y] between 0 and 1 after `scale`. */
function panel(at, title, curves, { x, y }) {
  const { width, height, left, right, top, bottom } = size;
  const px = (v) => at + left + (width - left - right) * v;
  const py = (v) => height - bottom - (height - top - bottom) * v;
  const ticks = y.ticks.map(
    ([share, text]) =>
      `<line x1="${px(0)}" x2="${px(1)}" y1="${py(share)}" y2="${py(share)}" stroke="#ddd"/>` +
      `<text x="${px(0) - 6}" y="${py(share) + 4}" text-anchor="end">${text}</text>`,
  );
  const lines = Object.entries(curves).map(([name, points]) => {
    const { colour, dash } = looks[name];
    const path = points.map(([a, b]) => `${px(a).toFixed(1)},${py(b).toFixed(1)}`).join(" ");
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>`;
  });
  return [
    `<text x="${px(0.5)}" y="16" text-anchor="middle" font-weight="bold">${title}</text>`,
    ...ticks,
    ...lines,
    `<text x="${px(0.5)}" y="${height - 10}" text-anchor="middle">${x}</text>`,
  ].join("\n");
}

/** Training error by epoch, and the gradient's norm by layer at initialisation, as one SVG. */
export function figure(histories, norms) {
  const epochs = Math.max(2, ...Object.values(histories).map((h) => h.length));
  const errors = Object.fromEntries(
    Object.entries(histories).map(([name, lines]) => [
      name,
      lines.map(({ epoch, trainAccuracy }) => [(epoch - 1) / (epochs - 1), Math.min(1, (1 - trainAccuracy) / 0.7)]),
    ]),
  );
  const all = Object.values(norms).flatMap((layers) => layers.map(({ norm }) => Math.log10(norm)));
  const low = Math.floor(Math.min(...all));
  const high = Math.ceil(Math.max(...all));
  const gradients = Object.fromEntries(
    Object.entries(norms).map(([name, layers]) => [
      name,
      layers.map(({ norm }, i) => [i / (layers.length - 1), (Math.log10(norm) - low) / Math.max(1, high - low)]),
    ]),
  );
  const decades = Array.from({ length: high - low + 1 }, (_, i) => [i / Math.max(1, high - low), `1e${low + i}`]);
  const percent = [0, 0.2, 0.4, 0.6].map((e) => [e / 0.7, `${100 * e} %`]);
  const legend = Object.entries(looks).map(
    ([name, { colour, dash }], i) =>
      `<line x1="${60 + 220 * i}" x2="${90 + 220 * i}" y1="${size.height + 12}" y2="${size.height + 12}" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>` +
      `<text x="${96 + 220 * i}" y="${size.height + 16}">${name}</text>`,
  );
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * size.width} ${size.height + 30}" font-family="sans-serif" font-size="11">`,
    `<title>Training error of plain and residual networks, and their gradients at initialisation</title>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    panel(0, "training error", errors, { x: `epoch, 1 to ${epochs}`, y: { ticks: percent } }),
    panel(size.width, "gradient norm at initialisation", gradients, {
      x: "convolution, first to last",
      y: { ticks: decades },
    }),
    ...legend,
    "</svg>",
  ].join("\n")}\n`;
}
