/** The packed types in projects of other settings than ours. Wrong lines are marked: where one is no error, that is one. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../../scripts/support/files.js";
import { runNode } from "../../scripts/support/process.js";

const program = `
import {
  compile, conv2d, createClassifier, imageClassification, info, init, maxPool2d, nn, Optimizer, pretrained, randn, resnet18, tensor,
} from "resnet-ts";
import type { CacheStore, NamedParameters, Pair, ParameterSlot, Statistics, Tensor } from "resnet-ts";
import type { CheckModelOptions, FleetCode } from "resnet-ts/fleet";
import { strict } from "resnet-ts/wasm";

await init({ wasm: strict });
// @ts-expect-error
await init({ wasm: 5 });
// @ts-expect-error
await init({ wasm: "strict.wasm" });
const classifier = await createClassifier();
await classifier.classify({ data: new Uint8Array(3072), width: 32, height: 32 });
// @ts-expect-error
await classifier.classify({ nonsense: 42 });
class Mine extends nn.Module {
  fc = new nn.Linear(1, 2);
  scale = new nn.Parameter(tensor([1]));
  forward(x: Tensor): Tensor { return this.fc.forward(x); }
}
// @ts-expect-error
new Mine().evall;
using one = tensor([1]);
// @ts-expect-error
one.shpae;

// What is exported here has to be named in a declaration.
export const net = resnet18();
export const fast = await compile(net, [1, 3, 4, 4]);
export const [memory, graph, options, program] = [fast.memory, fast.graph, fast.options, () => fast.program()];
export const kernels = await fast.profile(randn([1]));
export const used = info().memory;
export const [storage, gradient] = [randn([1]).storage, randn([1]).gradient];
export const convolve = (...given: Parameters<typeof conv2d>) => conv2d(...given);
export const pool = (...given: Parameters<typeof maxPool2d>) => maxPool2d(...given);

// What wrappers and classes of one's own are made of.
export class SignSGD extends Optimizer {
  readonly kinds = [];
  constructor(parameters: NamedParameters) { super("SignSGD", parameters, 0); }
  settings() { return {}; }
  protected update({ parameter }: ParameterSlot, grad: Tensor, lr: number): void {
    const signs = grad.dataSync().map(Math.sign);
    parameter.set(parameter.dataSync().map((v, i) => v - lr * signs[i]!));
  }
}
export const preset = (given: { cropSize?: number } & Statistics) => imageClassification(given);
export const stem = async () => [(await pretrained("resnet50")).maxpool, (await pretrained("resnet50" as string)).fc];
export const square = (kernel: Pair) => maxPool2d(randn([1, 1, 4, 4]), kernel);
export type Stores = [CacheStore, CheckModelOptions, FleetCode];
`;

const strict = { strict: true, exactOptionalPropertyTypes: true, declaration: true, outDir: "out" };
const node = { ...strict, lib: ["es2022"], target: "es2022", types: ["node"], typeRoots: [at("node_modules/@types")] };
/** A page's project has no Node types; a bundler's resolution reads package.json in another way. */
const projects = {
  "Node without the DOM": { ...node, module: "nodenext" },
  "Node without the DOM, skipLibCheck": { ...node, module: "nodenext", skipLibCheck: true },
  "a page": {
    ...strict,
    lib: ["es2022", "dom"],
    target: "es2022",
    types: [],
    module: "esnext",
    moduleResolution: "bundler",
  },
};

/** Compiles them all in `folder`: what was said. @throws Error */
export async function checkTypes(folder) {
  const place = join(folder, "types");
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "program.ts"), program);
  for (const [name, compilerOptions] of Object.entries(projects)) {
    writeFileSync(join(place, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
    const { code, output } = await runNode([at("node_modules/typescript/bin/tsc"), "-p", place], { cwd: folder });
    if (code !== 0) throw new Error(`${name}:\n${output}`);
  }
  return `${Object.keys(projects).length} projects compile`;
}
