/**
 * The table of networks in README.md, from the registry, the published weights and the code that counts: `node scripts/networks.js`
 * after a build. `npm test` checks that it is current.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { at } from "./support/files.js";

const [begin, end] = ["<!-- networks:begin -->", "<!-- networks:end -->"];

/** Per cent, as the publishers of networks state it whose weights are not in the registry. */
const stated = {
  // https://keras.io/api/applications/, ImageNet's validation pictures
  keras_resnet50: "Keras 74.9 / 92.1",
  keras_resnet101: "Keras 76.4 / 92.8",
  keras_resnet152: "Keras 76.6 / 93.1",
  keras_resnet50v2: "Keras 76.0 / 93.0",
  keras_resnet101v2: "Keras 77.2 / 93.8",
  keras_resnet152v2: "Keras 78.0 / 94.2",
  // arXiv 1512.03385 table 6 and 1603.05027 table 2, CIFAR-10's test pictures
  cifar_resnet20: "the paper 91.25",
  cifar_resnet32: "the paper 92.49",
  cifar_resnet44: "the paper 92.83",
  cifar_resnet56: "the paper 93.03",
  cifar_resnet110: "the paper 93.57",
  cifar_preact_resnet110: "the paper 93.63",
  cifar_preact_resnet164: "the paper 94.54",
};
const publishers = { IMAGENET1K: "torchvision", TIMM: "timm", FB: "Facebook" };

/** @returns {Promise<string>} the table, in Markdown */
export async function networksTable() {
  const load = (path) => import(pathToFileURL(at("build/src", path)).href);
  const [{ modelNames }, { models, createModel }, { weightsOf }, { summary }] = await Promise.all([
    load("models/names.js"),
    load("models/registry.js"),
    load("weights.js"),
    load("summary.js"),
  ]);
  const rows = modelNames.map((name) => {
    const { size } = models[name];
    const net = createModel(name, { init: "empty" });
    const { parameters, macs } = summary(net, [1, 3, size, size]);
    const statistics = net.buffers().reduce((sum, b) => sum + (b.shape.length === 1 ? b.size : 0), 0);
    const published = weightsOf(name)
      .filter((w) => w.accuracy !== undefined)
      .map(({ name: weights, accuracy: { top1, top5 }, preprocessing: { crop } }) => {
        const [publisher] = weights.split("_");
        const pixels = crop[0] === size ? "" : ` (${crop.join("x")})`;
        return `${publishers[publisher]} ${weights}${pixels} ${top1}${top5 === undefined ? "" : ` / ${top5}`}`;
      });
    if (stated[name] !== undefined) published.push(stated[name]);
    const cells = [
      `\`${name}\``,
      `${size}x${size}`,
      parameters.toLocaleString("en-US"),
      (macs / 1e9).toFixed(3),
      ((4 * (parameters + statistics)) / 1e6).toFixed(1),
      published.join("; "),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    "| network | input | parameters | GMAC | f32 weights, MB | accuracy that its publisher states: first, among the first five, % |",
    "|---|---|---:|---:|---:|---|",
    ...rows,
  ].join("\n");
}

/** README.md with the current table. */
export async function currentReadme() {
  const text = readFileSync(at("README.md"), "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md has no ${begin} … ${end}`);
  return { text, current: `${text.slice(0, from)}${begin}\n\n${await networksTable()}\n\n${text.slice(to)}` };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { text, current } = await currentReadme();
  if (text !== current) writeFileSync(at("README.md"), current);
  console.log(text === current ? "README.md is current" : "README.md has the new table");
}
