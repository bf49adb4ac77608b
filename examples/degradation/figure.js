/** The figure of the experiment as SVG text: no library, no fonts but the reader's, a white ground for light and dark pages. */
const size = { width: 480, height: 330, left: 58, right: 18, top: 34, bottom: 50 };
const looks = {
  cifar_plain20: { colour: "#b45309", dash: "", name: "plain-20" },
  cifar_plain56: { colour: "#b45309", dash: "7 4", name: "plain-56" },
  cifar_resnet20: { colour: "#1d4ed8", dash: "", name: "resnet-20" },
  cifar_resnet56: { colour: "#1d4ed8", dash: "7 4", name: "resnet-56" },
};

/** One panel: curves by network, with axes. Points and ticks are shares of the axes, from 0 to 1. */
function panel(at, title, curves, { x, y }) {
  const { width, height, left, right, top, bottom } = size;
  const px = (v) => (at + left + (width - left - right) * v).toFixed(1);
  const py = (v) => (height - bottom - (height - top - bottom) * v).toFixed(1);
  const rows = y.ticks.map(
    ([share, text]) =>
      `<line x1="${px(0)}" x2="${px(1)}" y1="${py(share)}" y2="${py(share)}" stroke="#e2e2e2"/>` +
      `<text x="${px(-0.015)}" y="${py(share)}" dy="4" text-anchor="end">${text}</text>`,
  );
  const columns = x.ticks.map(
    ([share, text]) =>
      `<line x1="${px(share)}" x2="${px(share)}" y1="${py(0)}" y2="${py(-0.015)}" stroke="#555"/>` +
      `<text x="${px(share)}" y="${py(-0.015)}" dy="14" text-anchor="middle">${text}</text>`,
  );
  const lines = Object.entries(curves).map(([network, points]) => {
    const { colour, dash } = looks[network];
    const stroke = `stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"`;
    const path = `<polyline points="${points.map(([a, b]) => `${px(a)},${py(b)}`).join(" ")}" fill="none" ${stroke} stroke-linejoin="round"/>`;
    const marks =
      points.length > 20
        ? []
        : points.map(([a, b]) => `<circle cx="${px(a)}" cy="${py(b)}" r="2.5" fill="${colour}"/>`);
    return path + marks.join("");
  });
  return [
    `<text x="${px(0.5)}" y="20" text-anchor="middle" font-weight="bold" font-size="13">${title}</text>`,
    ...rows,
    ...columns,
    `<line x1="${px(0)}" x2="${px(1)}" y1="${py(0)}" y2="${py(0)}" stroke="#555"/>`,
    ...lines,
    `<text x="${px(0.5)}" y="${height - 14}" text-anchor="middle">${x.name}</text>`,
  ];
}

/** Training error by epoch; runs that have not ended are drawn as far as they are. */
function errors(histories) {
  const runs = Object.entries(histories).filter(([, lines]) => lines.length > 0);
  const epochs = Math.max(2, ...runs.map(([, lines]) => lines.at(-1).epoch));
  const most =
    Math.ceil(10 * Math.max(0.1, ...runs.flatMap(([, lines]) => lines.map((l) => 1 - l.trainAccuracy)))) / 10;
  const curves = Object.fromEntries(
    runs.map(([network, lines]) => [
      network,
      lines.map(({ epoch, trainAccuracy }) => [(epoch - 1) / (epochs - 1), (1 - trainAccuracy) / most]),
    ]),
  );
  const tens = Array.from({ length: Math.round(10 * most) + 1 }, (_, i) => [i / (10 * most), `${10 * i} %`]);
  const every = Math.ceil(epochs / 12);
  const columns = Array.from({ length: epochs }, (_, i) => [i / (epochs - 1), `${i + 1}`]).filter(
    (_, i) => i % every === 0,
  );
  return panel(0, "Training error", curves, { x: { name: "epoch", ticks: columns }, y: { ticks: tens } });
}

/** The L2 norm of each convolution's gradient, by how deep it lies. */
function gradients(norms) {
  const all = Object.values(norms).flatMap((layers) => layers.map(({ norm }) => Math.log10(norm)));
  const [low, high] = [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all))];
  const range = Math.max(1, high - low);
  const curves = Object.fromEntries(
    Object.entries(norms).map(([network, layers]) => [
      network,
      layers.map(({ norm }, i) => [i / (layers.length - 1), (Math.log10(norm) - low) / range]),
    ]),
  );
  const power = (n) => `10<tspan dy="-5" font-size="8">${n}</tspan>`;
  const decades = Array.from({ length: range + 1 }, (_, i) => [i / range, power(low + i)]);
  const ends = [
    [0, "first"],
    [1, "last"],
  ];
  return panel(size.width, "Gradient at initialisation: L2 norm by layer", curves, {
    x: { name: "convolution (3x3), first to last", ticks: ends },
    y: { ticks: decades },
  });
}

/** What the curves are, and where each ended. */
function legend(histories) {
  return Object.entries(looks).map(([network, { colour, dash, name }], i) => {
    const [x, y] = [size.left + i * ((2 * size.width - size.left) / 4), size.height + 8];
    const last = histories[network]?.at(-1);
    const state = last ? `: ${(100 * (1 - last.trainAccuracy)).toFixed(1)} % after epoch ${last.epoch}` : "";
    return (
      `<line x1="${x}" x2="${x + 28}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>` +
      `<text x="${x + 34}" y="${y}" dy="4">${name}${state}</text>`
    );
  });
}

/**
 * @param histories lines of log.jsonl by network
 * @param norms `{ layer, norm }` by network
 * @param command what made it
 */
export function figure(histories, norms, command) {
  const [width, height] = [2 * size.width, size.height + 52];
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="11" fill="#222">`,
    "<title>Training error of plain and residual networks, and their gradients at initialisation</title>",
    `<rect width="${width}" height="${height}" rx="8" fill="#fff"/>`,
    ...errors(histories),
    ...gradients(norms),
    ...legend(histories),
    `<text x="${width / 2}" y="${height - 12}" text-anchor="middle" fill="#666">CIFAR-10, trained by resnet-ts: <tspan font-family="ui-monospace, monospace">${command}</tspan></text>`,
    "</svg>",
  ].join("\n")}\n`;
}
