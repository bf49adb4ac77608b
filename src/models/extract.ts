import { ArgumentError, UnknownNameError } from "../errors.ts";
import { checkNet, Module } from "../nn/module.ts";
import { checkOptions } from "../options.ts";
import { track } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Thrown through the network when the last wanted map is there: what comes after would be wasted. */
const enough = Symbol("enough");

interface Tap {
  readonly name: string;
  readonly path: string;
  /** Which use of the module: a block uses its ReLU two or three times. */
  readonly use: number;
}

/**
 * A network that gives maps from inside, by the names of its modules. A module that is used more than once in a pass counts its
 * uses as torchvision does: `layer4.2.relu`, `layer4.2.relu_1`, `layer4.2.relu_2`. The pass ends at the last map wanted.
 */
export class FeatureExtractor extends Module<Record<string, Tensor>> {
  net: Module;
  readonly names: readonly string[];
  readonly #taps: readonly Tap[];
  readonly #modules: ReadonlyMap<string, Module<unknown>>;

  /** @throws UnknownNameError for a name that is no module of the network */
  constructor(net: Module, names: readonly string[]) {
    super();
    checkNet("extract", net);
    if (!(Array.isArray(names) && names.length > 0)) {
      throw new ArgumentError('extract: name at least one module, in a list: ["layer4"]');
    }
    this.net = net;
    this.names = [...names];
    this.#modules = new Map(net.namedModules());
    this.#taps = names.map((name) => tap(name, this.#modules));
    this.training = net.training;
  }

  /** The maps by name. They are yours to dispose. */
  forward(x: Tensor): Record<string, Tensor> {
    const found = new Map<string, Tensor>();
    const undo = [...new Set(this.#taps.map(({ path }) => path))].map((path) => this.#listen(path, found));
    try {
      this.net.forward(x).dispose();
    } catch (error) {
      if (error !== enough) {
        for (const t of found.values()) t.dispose();
        throw error;
      }
    } finally {
      for (const stop of undo) stop();
    }
    return this.#result(found);
  }

  #listen(path: string, found: Map<string, Tensor>): () => void {
    const wanted = this.#taps.filter((t) => t.path === path);
    return this.#modules.get(path)!.onForward((_module, output, use) => {
      for (const { name } of wanted.filter((t) => t.use === use)) {
        if (output instanceof Tensor) found.set(name, held(output));
      }
      if (found.size === new Set(this.names).size) throw enough;
    });
  }

  #result(found: Map<string, Tensor>): Record<string, Tensor> {
    const missing = this.names.find((name) => !found.has(name));
    if (missing !== undefined) {
      for (const t of found.values()) t.dispose();
      throw new ArgumentError(`extract: the network never used ${missing} in this pass`);
    }
    for (const t of found.values()) track(t);
    return Object.fromEntries(this.names.map((name) => [name, found.get(name)!]));
  }
}

/** A reference that no `tidy` of the network disposes and that autograd still follows. */
function held(output: Tensor): Tensor {
  const view = output.detach().keep();
  view.requiresGrad = output.requiresGrad;
  view.gradient = output.gradient;
  view.gradient?.retain();
  return view;
}

function tap(name: string, modules: ReadonlyMap<string, Module<unknown>>): Tap {
  if (modules.has(name) && name !== "") return { name, path: name, use: 0 };
  const counted = /^(.*)_(\d+)$/.exec(name);
  if (counted !== null && modules.has(counted[1]!)) return { name, path: counted[1]!, use: Number(counted[2]) };
  throw new UnknownNameError("module", name, [...modules.keys()].filter(Boolean));
}

/** See {@link FeatureExtractor}: `extract(net, ["layer1", "layer4.2.relu"]).forward(x)` gives `{ layer1, "layer4.2.relu" }`. */
export function extract(net: Module, names: readonly string[]): FeatureExtractor {
  return new FeatureExtractor(net, names);
}

/** The map after each stage: the stem's (`relu`, where it has one) and `layer1` to the last; or those at `outIndices` (negative from the end). */
export function featuresOnly(net: Module, options: { readonly outIndices?: readonly number[] } = {}): FeatureExtractor {
  checkNet("featuresOnly", net);
  checkOptions("featuresOnly", options, "outIndices");
  const own = new Set([...net.namedChildren()].map(([name]) => name));
  const stem = own.has("bn1") ? "relu" : "conv1";
  const levels = [stem, "layer1", "layer2", "layer3", "layer4"].filter((name) => own.has(name));
  const indices = options.outIndices ?? levels.map((_, i) => i);
  return new FeatureExtractor(
    net,
    indices.map((index) => {
      const name = levels.at(index);
      if (name === undefined || !Number.isInteger(index)) {
        throw new ArgumentError(`featuresOnly: outIndices are from 0 to ${levels.length - 1}, got ${index}`);
      }
      return name;
    }),
  );
}
