// What is promised about speed and memory, in numbers: each line says what is wanted, what was found, and whether that is enough.

const deep = (network) => Number(network.slice(6)) >= 50;

/** `rows` of main.js, `cold` of cold.js. Lines of which a part was not measured are left out. */
export function checks(rows, cold) {
  const lines = [];
  const best = (network, batch, name) =>
    rows.find((r) => r.network === network && r.batch === batch && r.name === name);
  const add = (item, what, found, sign, wanted, unit = "x") => {
    if (found === undefined || Number.isNaN(found)) return;
    const ok = sign === ">=" ? found >= wanted : found <= wanted;
    lines.push({ item, what, found, sign, wanted, unit, ok });
  };
  const ratio = (a, b) => (a && b ? a.best / b.best : undefined);
  const networks = [...new Set(rows.map((r) => r.network))];
  for (const network of networks) {
    const [strict, relaxed, web, node, tf] = [
      "resnet-ts strict",
      "resnet-ts relaxed",
      "onnxruntime-web",
      "onnxruntime-node",
      "tfjs-backend-wasm",
    ].map((name) => best(network, 1, name));
    const big = deep(network);
    add(1, `${network} strict, faster than onnxruntime-web`, ratio(web, strict), ">=", big ? 2.2 : 3.8);
    if (big) add(1, `${network} strict, faster than tfjs-backend-wasm`, ratio(tf, strict), ">=", 1.8);
    add(2, `${network} relaxed, faster than onnxruntime-web`, ratio(web, relaxed), ">=", big ? 2.8 : 4.6);
    add(2, `${network} relaxed, time of onnxruntime-node's`, ratio(relaxed, node), "<=", big ? 1.6 : 1);
  }
  for (const network of networks) {
    const eight = best(network, 8, "resnet-ts strict");
    add(3, `${network} strict, batch 8 over batch 1`, ratio(eight, best(network, 1, "resnet-ts strict")), "<=", 8);
    const { batch, singles } = eight?.beside ?? {};
    add(3, `${network} strict, batch 8 over batch 1, in turns`, (8 * batch) / singles, "<=", 8);
  }
  const [fifty, last] = ["resnet50", "resnet152"].map((n) => best(n, 1, "resnet-ts strict"));
  if (fifty && last) {
    const difference = 100 * Math.abs(last.gflops / fifty.gflops - 1);
    add(3, "GFLOP/s of resnet152 and resnet50 differ by", difference, "<=", 10, " %");
  }
  for (const network of networks) {
    const errors = rows.filter((r) => r.network === network && r.name.startsWith("resnet-ts")).map((r) => r.error);
    if (errors.length > 0)
      add(4, `${network}, largest error of ours against float64`, Math.max(...errors), "<=", 1e-5, "");
  }
  for (const { engine, ms } of cold) {
    if (engine.startsWith("resnet-ts")) add(5, `cold start of ${engine}`, ms, "<=", 350, " ms");
  }
  const fiftyLow = best("resnet50", 1, "resnet-ts strict, memory: low");
  if (fifty) {
    add(6, "resnet50 batch 1, arena", fifty.memory.arena / 1e6, "<=", 12, " MB");
    add(6, "resnet50 batch 1, linear memory", fifty.linearMemory / 1e6, "<=", 280, " MB");
  }
  if (fiftyLow) add(6, "resnet50 batch 1, memory: low, linear memory", fiftyLow.linearMemory / 1e6, "<=", 125, " MB");
  return lines;
}

const number = (v) => (v !== 0 && v < 0.01 ? v.toExponential(1) : v.toFixed(v < 100 ? 2 : 0));

export const checkTable = (lines) =>
  [
    "| | | found | wanted | |",
    "|---|---|---|---|---|",
    ...lines.map(
      ({ item, what, found, sign, wanted, unit, ok }) =>
        `| ${item} | ${what} | ${number(found)}${unit} | ${sign === ">=" ? "≥" : "≤"} ${wanted}${unit} | ${ok ? "yes" : "**no**"} |`,
    ),
  ].join("\n");
