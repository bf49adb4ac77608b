import { suite } from "uvu";
import * as assert from "uvu/assert";
import { currentBackend } from "../src/backend/current.ts";
import { ArgumentError } from "../src/errors.ts";
import {
  add,
  batchNorm,
  type Compilable,
  compile,
  conv2d,
  flatten,
  init,
  linear,
  nn,
  relu,
  tensor,
} from "../src/index.ts";
import { setMemory } from "../src/tensor/memory.ts";
import type { Shape } from "../src/tensor/shape.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { seeded } from "./support/values.ts";

/** A compiled network has the weights of the moment when it was compiled, and the backend of that moment. */
const test = suite("compile: of one moment");

const backends = ["wasm", "js"] as const;

function random(shape: Shape, seed = `${shape}`): Tensor {
  const next = seeded(seed);
  return tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() + 0.5),
    shape,
  );
}

/** Weights in every place: folded, in a batch norm by itself, in a layer by itself, bare; and one that is an output. */
function network(): { readonly net: Compilable<Tensor[]>; readonly weights: Map<string, Tensor> } {
  const weights = new Map<string, Tensor>();
  for (const name of ["scale", "shift", "mean", "variance"]) {
    for (const where of ["a", "b"]) weights.set(name + where, random([4], name + where));
  }
  weights
    .set("conv", random([4, 4, 3, 3]))
    .set("fc", random([3, 4]))
    .set("bias", random([3]))
    .set("bare", random([1, 3]));
  const w = (name: string) => weights.get(name)!;
  const norm = (x: Tensor, at: string) =>
    batchNorm(x, w(`mean${at}`), w(`variance${at}`), w(`scale${at}`), w(`shift${at}`));
  const forward = (x: Tensor) => {
    const y = norm(conv2d(relu(norm(x, "a")), w("conv"), null), "b");
    const logits = linear(flatten(new nn.AdaptiveAvgPool2d().forward(y)), w("fc"), w("bias"));
    return [x.shape[0] === 1 ? add(logits, w("bare")) : logits, w("bare")];
  };
  return { net: { forward, stateDict: () => weights }, weights };
}

/** What a promise is refused with. */
const words = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "",
    ({ message }: Error) => message,
  );
const values = (outputs: readonly Tensor[]) => outputs.map((t) => t.dataSync());

for (const backend of backends) {
  test(`${backend}: what is done to the model later changes nothing, for further shapes neither`, async () => {
    await init({ backend });
    const { net, weights } = network();
    const compiled = await compile(net, [1, 4, 6, 6], { keepModel: true });
    const x = random([1, 4, 6, 6]);
    const twice = random([2, 4, 6, 6]);
    const expected = values(await compiled.run(x));
    const of = async (network: typeof compiled) => values(await network.run(twice));
    const other = await compile(net, [2, 4, 6, 6], { keepModel: true });
    for (const [name, weight] of weights) {
      weight.set(weight.dataSync().map((v) => 2 * v + 1));
      assert.equal(values(await compiled.run(x)), expected, name);
    }
    const further = await compiled.forShape([2, 4, 6, 6]);
    assert.equal(await of(further), await of(other));
    const anew = await compile(net, [1, 4, 6, 6], { keepModel: true });
    assert.not.equal(values(await anew.run(x)), expected);
    for (const t of weights.values()) t.dispose();
    assert.equal(values(await compiled.run(x)), expected, "without the model");
    for (const network of [compiled, other, further, anew]) network.dispose();
  });

  test(`${backend}: further shapes of a network whose model was taken`, async () => {
    await init({ backend });
    const { net } = network();
    const first = await compile(net, [2, 4, 6, 6]);
    const second = await first.forShape([3, 4, 6, 6]);
    const x = random([3, 4, 6, 6]);
    const expected = values(await second.run(x));
    first.dispose();
    assert.equal(values(await second.run(x)), expected);
    second.dispose();
  });

  test(`${backend}: an init meanwhile`, async () => {
    await init({ backend });
    const { net } = network();
    const x = random([1, 4, 6, 6]);
    const expected = values(await (await compile(net, [1, 4, 6, 6], { keepModel: true })).run(x));
    const home = currentBackend();
    await init({ backend: backend === "js" ? "wasm" : "js" });
    const other = setMemory(home)!;
    const compiling = compile(net, [1, 4, 6, 6]);
    setMemory(other);
    const compiled = await compiling;
    const refused = (x: Tensor) => words(compiled.run(x));
    assert.is(
      await refused(x),
      `compiled network: it is on the ${backend} backend of an earlier \`init\`; make it anew`,
    );
    assert.is(await words(compiled.forShape([2, 4, 6, 6])), await refused(x));
    const elsewhere = random([1, 4, 6, 6]);
    setMemory(home);
    assert.equal(values(await compiled.run(x)), expected);
    assert.match(await refused(elsewhere), /^compiled network: an input .* is on the (js|wasm) backend of an earlier/);
  });
}

test("what is no tensor, and what forward may not be", async () => {
  await init({ backend: "wasm" });
  const compiled = await compile({ forward: (x: Tensor) => relu(x) }, [1, 2]);
  for (const [given, kind] of [
    [new Float32Array(2), "Float32Array"],
    [undefined, "Undefined"],
    [[1, 2], "Array"],
  ] as const) {
    const error = await compiled.run(given as never).catch((error: unknown) => error);
    assert.instance(error, ArgumentError);
    assert.match((error as Error).message, new RegExp(`^compiled network: needs tensors, got ${kind}; see tensor`));
  }
  const asked = compile({ forward: async (x: Tensor) => relu(x) }, [1, 2]);
  assert.match(await words(asked), /returned no tensor; it cannot be async$/);
  const misspelt = compile({ forward: (x: Tensor) => relu(x) }, [1, 2], { keepmodel: true } as never);
  assert.match(await words(misspelt), /unknown option of compile "keepmodel"; .*"keepModel"/);
});

test.run();
