import { checkHome } from "../autograd/apply.ts";
import type { Backend, Graph, KernelTime, Precision, Program, ProgramMemory } from "../backend/backend.ts";
import { currentBackend, withBackend } from "../backend/current.ts";
import { constants } from "../backend/graph.ts";
import { ArgumentError, DisposedError, ResNetError, ShapeError } from "../errors.ts";
import { checkOptions, need } from "../options.ts";
import { formatShape, isShape, type Shape, sameShape } from "../tensor/shape.ts";
import type { Storage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { buildGraph } from "./build.ts";
import { type Captured, capture } from "./capture.ts";
import { optimise } from "./optimise.ts";
import { Shared } from "./shared.ts";
import { mapTensors, tensorsIn } from "./tensors.ts";

/** Anything with a `forward` made of this library's ops. A `Module` is one; what it returns may hold several tensors. */
export interface Compilable<Out> {
  /** From the input to a tensor, or to an array or object of tensors. */
  forward(x: Tensor): Out;
  /** It and everything inside it: evaluation mode is set on each while the network is recorded. */
  modules?(): Iterable<{ training: boolean }>;
  /** The tensors that are given back once they are packed. */
  stateDict?(): Map<string, Tensor>;
}

/** Options of `compile`. */
export interface CompileOptions<Out = unknown> {
  /** `"low"` keeps packed weights no larger than the weights (no Winograd): slower, less memory. */
  readonly memory?: "default" | "low";
  /**
   * `"f16"` on WebGPU, where the adapter offers `shader-f16`: weights and activations are kept in 16 bits, products added up in 32.
   * Half the memory and memory traffic; logits are off by about 1e-3 of the largest, and activations over 65,504 overflow.
   * `"f16-sums"` adds up in 16 bits too. Inference only. `"f32"` by default.
   */
  readonly precision?: Precision;
  /**
   * Keeps the model usable; the compiled network has the weights of now, whatever the model learns later. By default the model's weights
   * are given back as soon as they are packed, which halves the memory; it can then neither run nor be saved.
   */
  readonly keepModel?: boolean;
  /** A compiled network of the same model, of which packed weights are used again. See {@link CompiledNetwork.forShape}. */
  readonly share?: CompiledNetwork<Out>;
}

/**
 * Makes a network fast for one input shape: its launches are recorded once, batch norms are folded into weights in 64 bits, bias,
 * residual and ReLU join the convolutions, weights are packed, memory is planned, and a run is one call into WebAssembly. On
 * the js backend the same rewritten graph is launched node by node.
 *
 * Evaluation mode is used whatever the model is in. Unless `keepModel` is set, the model's weights are given back.
 * The weights are those of this moment: what is done to the model later changes nothing. It stays on the backend that is current now.
 * @param shape of the input, e.g. [1, 3, 224, 224]
 * @throws ShapeError where the network cannot take that shape
 */
export async function compile<Out>(
  model: Compilable<Out>,
  shape: Shape,
  options: CompileOptions<Out> = {},
): Promise<CompiledNetwork<Out>> {
  checkOptions("compile", options, "memory precision keepModel share");
  const { keepModel = false, share } = options;
  const { memory = share?.options.memory ?? "default", precision = share?.options.precision ?? "f32" } = options;
  need(typeof model?.forward === "function", "compile", "a network (something with a forward method)", model);
  if (!Array.isArray(shape) || !isShape(shape) || shape.length === 0 || shape.some((d) => d === 0)) {
    throw new ArgumentError(
      `compile: the second argument must be the input's shape, such as [1, 3, 224, 224], got ${shape}`,
    );
  }
  if (memory !== "default" && memory !== "low") {
    throw new ArgumentError(`compile: memory must be "default" or "low", got ${JSON.stringify(memory)}`);
  }
  checkPrecision(precision);
  const backend = currentBackend(); // an `init` may put another in its place while this waits
  const shared = (share?.shared() ?? new Shared()).retain();
  try {
    const captured = inEvaluation(model, () => capture((x) => model.forward(x), shape));
    const returned = tensorsIn(captured.result);
    if (returned.length === 0) throw new ArgumentError("compile: forward returned no tensor; it cannot be async");
    const raw = buildGraph(captured, returned, (constant) => shared.folds.own(constant));
    // A model may return a parameter of its own.
    const owners = ownersOf(model);
    const owned = new Set([...owners.values()].flat());
    for (const t of returned) if (!owned.has(t)) t.dispose();
    checkWeights(raw);
    const graph = await optimise(raw, shared.folds);
    const release = (constant: Storage): void => {
      if (shared.folds.owns(constant)) constant.release();
      else if (!keepModel) for (const t of owners.get(constant) ?? []) t.dispose();
    };
    const keep = (constant: Storage): Storage =>
      withBackend(backend, () =>
        shared.keep(constant, shared.folds.owns(constant) || (!keepModel && owners.has(constant))),
      );
    const before = share?.program();
    const options = { memory, precision, release, keep, ...(before === undefined ? {} : { share: before }) };
    const program = await withBackend(backend, () => backend.compile!(graph, options));
    if (!keepModel) for (const tensors of owners.values()) for (const t of tensors) t.dispose();
    return new CompiledNetwork(model, captured, graph, program, backend, shared, { memory, precision });
  } catch (error) {
    shared.release();
    throw error;
  }
}

/** A network that is ready to run for one input shape. */
export class CompiledNetwork<Out = Tensor> {
  readonly inputShape: Shape;
  /** Of each tensor that a run gives. */
  readonly outputShapes: readonly Shape[];
  /** The rewritten graph: what is launched, in order. */
  readonly graph: Graph;
  readonly options: { readonly memory: "default" | "low"; readonly precision: Precision };
  readonly #model: Compilable<Out>;
  readonly #result: Out;
  #program: Program | undefined;
  readonly #shared: Shared;
  readonly #backend: Backend;

  /** Use {@link compile}. */
  constructor(
    model: Compilable<Out>,
    captured: Captured<Out>,
    graph: Graph,
    program: Program,
    backend: Backend,
    shared: Shared,
    options: { readonly memory: "default" | "low"; readonly precision: Precision },
  ) {
    this.#model = model;
    this.#result = captured.result;
    this.#program = program;
    this.#backend = backend;
    this.#shared = shared;
    this.inputShape = captured.input.shape;
    this.outputShapes = graph.outputs.map((y) => y.shape);
    this.graph = graph;
    this.options = options;
  }

  /** Bytes of weights, packed weights, arena and commands. */
  get memory(): ProgramMemory {
    return this.program().memory;
  }

  /** Runs the network. The result has the form of the model's own and is yours to dispose. @throws ShapeError */
  async run(x: Tensor): Promise<Out> {
    return this.runSync(x);
  }

  /**
   * Runs once and says how long each kernel took, in order; `node` is the place in `graph.nodes`. WebGPU only: by timestamp queries
   * where the adapter offers them, else by waiting for each. @throws ResNetError on other backends
   */
  async profile(x: Tensor): Promise<readonly KernelTime[]> {
    const program = this.program();
    this.#check(x);
    if (program.profile === undefined) {
      throw new ResNetError(`profile: the ${this.#backend.name} backend does not time its kernels; WebGPU does`, {
        code: "ERR_BACKEND",
      });
    }
    return program.profile(x);
  }

  /** Like {@link run}, at once (wasm, js). */
  runSync(x: Tensor): Out {
    const program = this.program();
    this.#check(x);
    const made: Tensor[] = [];
    try {
      const result = mapTensors(this.#result, (t) => {
        const y = Tensor.empty(t.shape);
        made.push(y);
        return y;
      });
      program.run(x, made);
      return result;
    } catch (error) {
      for (const y of made) y.dispose();
      throw error;
    }
  }

  #check(x: Tensor): void {
    this.shared();
    checkHome("compiled network", x);
    if (!sameShape(x.shape, this.inputShape)) {
      throw new ShapeError(
        "compiled network",
        `it was compiled for ${formatShape(this.inputShape)}, the input has ${formatShape(x.shape)}; use forShape(shape)`,
      );
    }
  }

  /** The same network for another shape (another batch size, say). Packed weights are shared; dispose each by itself. */
  forShape(shape: Shape): Promise<CompiledNetwork<Out>> {
    return compile(this.#model, shape, { share: this, keepModel: true });
  }

  /** Gives the memory back; packed weights when the last network that shares them is disposed. Twice is harmless. */
  dispose(): void {
    if (this.#program === undefined) return;
    this.#program.dispose();
    this.#program = undefined;
    this.#shared.release();
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")](): void {
    this.dispose();
  }

  /** For `compile`. @throws DisposedError */
  program(): Program {
    if (this.#program === undefined) throw new DisposedError("compiled network");
    return this.#program;
  }

  /** For `compile`. @throws ResNetError on another backend */
  shared(): Shared {
    this.program();
    if (currentBackend() !== this.#backend) {
      throw new ResNetError(
        `compiled network: it is on the ${this.#backend.name} backend of an earlier \`init\`; make it anew`,
        { code: "ERR_BACKEND" },
      );
    }
    return this.#shared;
  }
}

function inEvaluation<T>(model: Compilable<unknown>, body: () => T): T {
  const before = [...(model.modules?.() ?? [])].map((module) => [module, module.training] as const);
  for (const [module] of before) module.training = false;
  try {
    return body();
  } finally {
    for (const [module, training] of before) module.training = training;
  }
}

function checkPrecision(wanted: Precision): void {
  const backend = currentBackend();
  const { precisions = ["f32"] } = backend;
  if (precisions.includes(wanted)) return;
  const all: readonly Precision[] = ["f32", "f16", "f16-sums"];
  if (!all.includes(wanted)) {
    throw new ArgumentError(`compile: precision must be ${all.join(", ")}, got ${JSON.stringify(wanted)}`);
  }
  const why =
    backend.name === "webgpu"
      ? `the adapter ${backend.info().binary} does not offer shader-f16`
      : `the ${backend.name} backend computes in f32; f16 is for WebGPU`;
  throw new ResNetError(`compile: precision "${wanted}" is not to be had: ${why}`, { code: "ERR_PRECISION" });
}

function ownersOf(model: Compilable<unknown>): Map<Storage, Tensor[]> {
  const owners = new Map<Storage, Tensor[]>();
  for (const t of model.stateDict?.().values() ?? []) owners.set(t.storage, [...(owners.get(t.storage) ?? []), t]);
  return owners;
}

function checkWeights(graph: Graph): void {
  const here = currentBackend();
  for (const constant of constants(graph)) {
    if (constant.disposed || constant.memory === here) continue;
    throw new ResNetError(
      `compile: a weight is on the ${constant.memory.name} backend of an earlier \`init\`; call \`await net.to()\` first`,
      { code: "ERR_BACKEND" },
    );
  }
}
