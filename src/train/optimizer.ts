import { checkHome } from "../autograd/apply.ts";
import { currentBackend } from "../backend/current.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import { checkOptions, checkPositive, checkShares, need } from "../options.ts";
import { pow } from "../tensor/math.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { Tensor, zeros } from "../tensor/tensor.ts";

/** Parameters by name, as `net.namedParameters()` gives them. Names are the keys of the optimiser's state in checkpoints. */
export type NamedParameters = Iterable<readonly [name: string, parameter: Tensor]>;

/** Parameters with settings of their own. */
export interface ParameterGroup {
  readonly parameters: NamedParameters;
  /** Factor on the learning rate of every step; 1 by default. */
  readonly lrScale?: number;
  readonly weightDecay?: number;
}

/** A parameter as an optimiser moves it: what `update` of a class of your own is given. */
export interface ParameterSlot {
  readonly name: string;
  readonly parameter: Tensor;
  readonly lrScale: number;
  readonly weightDecay: number;
}

/** What a step of training does to parameters that have a gradient. Frozen parameters and those without a gradient stay. */
export abstract class Optimizer {
  readonly name: string;
  /** Steps taken. */
  steps = 0;
  protected readonly slots: readonly ParameterSlot[];
  /** State tensors by `<kind>.<parameter name>`, made at the first step of a parameter. */
  protected readonly state = new Map<string, Tensor>();
  /** How often each parameter was updated: not at every step where it was frozen for a while, or had no gradient. */
  protected readonly updates = new Map<string, number>();

  constructor(name: string, parameters: NamedParameters | readonly ParameterGroup[], weightDecay: number) {
    this.name = name;
    const groups = grouped(parameters);
    this.slots = groups.flatMap((group) => {
      checkOptions(`a group of ${name}`, group, "parameters lrScale weightDecay");
      const { lrScale = 1, weightDecay: decay = weightDecay } = group;
      checkPositive(name, { lrScale, weightDecay: decay });
      const named = "parameters with their names: net.namedParameters()";
      need(group.parameters?.[Symbol.iterator], this.name, named, group.parameters);
      return [...group.parameters].map((entry) => {
        const [name, parameter] = Array.isArray(entry) ? entry : [];
        need(typeof name === "string" && parameter instanceof Tensor, this.name, named, entry);
        return { name, parameter, lrScale, weightDecay: decay };
      });
    });
    const seen = new Set<Tensor>();
    const names = new Set<string>();
    for (const { name, parameter } of this.slots) {
      if (names.has(name))
        throw new ArgumentError(
          `${this.name}: two parameters are called ${name}; names are keys of the state, so put the modules' names before them`,
        );
      names.add(name);
      if (seen.has(parameter)) throw new ArgumentError(`${this.name}: the parameter ${name} is in two groups`);
      seen.add(parameter);
    }
    if (this.slots.length === 0) throw new ArgumentError(`${this.name}: there are no parameters`);
  }

  /** What it moves, by name. */
  get parameters(): ReadonlyMap<string, Tensor> {
    return new Map(this.slots.map(({ name, parameter }) => [name, parameter]));
  }

  /** Settings, for a checkpoint to compare. */
  abstract settings(): Readonly<Record<string, number | boolean>>;
  /** What it does to each parameter at this moment, and to how many, for a checkpoint to compare. */
  moves(): Readonly<Record<string, unknown>> {
    const each = this.slots.map(({ name, parameter, ...own }) => [
      `parameter ${name}`,
      parameter.requiresGrad ? own : "frozen",
    ]);
    return { parameters: each.length, ...Object.fromEntries(each) };
  }

  /** Tensors of state that each parameter has. */
  abstract readonly kinds: readonly string[];
  protected abstract update(slot: ParameterSlot, grad: Tensor, lr: number): void;

  /** One step with this learning rate. */
  step(lr: number): void {
    if (!(lr >= 0 && lr < Number.POSITIVE_INFINITY)) {
      throw new ArgumentError(`${this.name}: the learning rate must be at least 0 and finite, got ${lr}`);
    }
    const moved = this.slots.filter(({ parameter: { grad, requiresGrad } }) => grad !== null && requiresGrad);
    for (const { name, parameter } of moved) {
      const { grad, shape } = parameter;
      if (!sameShape(grad!.shape, shape)) {
        const both = `${formatShape(shape)}, its gradient ${formatShape(grad!.shape)}`;
        throw new ShapeError(this.name, `${name} has the shape ${both}`);
      }
      const state = this.kinds.map((kind) => this.state.get(`${kind}.${name}`));
      for (const t of [parameter, grad, ...state]) if (t) checkHome(this.name, t);
    }
    this.steps++; // an error has changed nothing
    for (const slot of moved) {
      const { name, parameter } = slot;
      this.updates.set(name, (this.updates.get(name) ?? 0) + 1);
      this.update(slot, parameter.grad!, lr * slot.lrScale);
    }
  }

  /** Forgets the gradients of its parameters. */
  zeroGrad(): void {
    for (const { parameter } of this.slots) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /** The tensors of state by name; not copies. */
  stateTensors(): ReadonlyMap<string, Tensor> {
    return this.state;
  }

  /** The number of updates of each parameter that has state and was not updated at every step, for a checkpoint beside `steps`. */
  fewerUpdates(): Record<string, number> {
    const stateful = new Set([...this.state.keys()].map((key) => key.slice(key.indexOf(".") + 1)));
    return Object.fromEntries([...this.updates].filter(([name, n]) => n !== this.steps && stateful.has(name)));
  }

  /**
   * Continues from saved state. Parameters with state that are not in `fewer` were updated at each of the steps.
   * @throws ArgumentError where it is not that of these parameters; nothing is changed then
   */
  restore(
    saved: ReadonlyMap<string, { readonly shape: readonly number[]; read(): Float32Array }>,
    steps: number,
    fewer: Readonly<Record<string, number>> = {},
  ): void {
    const { parameters } = this;
    const checked = [...saved].map(([key, tensor]) => {
      const dot = key.indexOf(".");
      const parameter = parameters.get(key.slice(dot + 1));
      if (
        !this.kinds.includes(key.slice(0, dot)) ||
        parameter === undefined ||
        !sameShape(parameter.shape, tensor.shape)
      ) {
        throw new ArgumentError(
          `${this.name}: the saved state has ${key} ${formatShape(tensor.shape)}, which is not ours`,
        );
      }
      return [key, tensor] as const;
    });
    this.dispose();
    const counts = new Map(Object.entries(fewer));
    for (const [key, tensor] of checked) {
      this.state.set(key, zeros(tensor.shape).set(tensor.read()).keep());
      const name = key.slice(key.indexOf(".") + 1);
      this.updates.set(name, counts.get(name) ?? steps);
    }
    this.steps = steps;
  }

  /** Gives the state's memory back. */
  dispose(): void {
    for (const t of this.state.values()) t.dispose();
    this.state.clear();
    this.updates.clear();
  }

  /** A state tensor of a parameter, zero at first; `fresh` says that it was made now. */
  protected slotState(kind: string, { name, parameter }: ParameterSlot): { tensor: Tensor; fresh: boolean } {
    const key = `${kind}.${name}`;
    const known = this.state.get(key);
    if (known !== undefined) return { tensor: known, fresh: false };
    const tensor = zeros(parameter.shape).keep();
    this.state.set(key, tensor);
    return { tensor, fresh: true };
  }
}

function grouped(parameters: NamedParameters | readonly ParameterGroup[]): readonly ParameterGroup[] {
  if (!Array.isArray(parameters)) return [{ parameters: parameters as NamedParameters }];
  const list = parameters as readonly unknown[];
  const isGroups = list.length > 0 && list.every((g) => typeof g === "object" && g !== null && "parameters" in g);
  return isGroups ? (parameters as readonly ParameterGroup[]) : [{ parameters: parameters as NamedParameters }];
}

/** `torch.optim.SGD`'s arguments; the learning rate is an argument of `step`. */
export interface SgdOptions {
  /** 0 by default. */
  readonly momentum?: number;
  readonly dampening?: number;
  /** Added to the gradient, times the parameter; 0 by default. */
  readonly weightDecay?: number;
  readonly nesterov?: boolean;
}

/** Stochastic gradient descent in PyTorch's form: v = momentum · v + g, p -= lr · v; the first v is g (torch.optim.SGD). */
export class SGD extends Optimizer {
  readonly kinds: readonly string[];
  readonly #settings: Required<SgdOptions>;

  constructor(parameters: NamedParameters | readonly ParameterGroup[], options: SgdOptions = {}) {
    checkOptions("SGD", options, "momentum dampening weightDecay nesterov");
    const { momentum = 0, dampening = 0, weightDecay = 0, nesterov = false } = options;
    super("SGD", parameters, weightDecay);
    checkShares("SGD", { momentum });
    this.#settings = { momentum, dampening, weightDecay, nesterov };
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new ArgumentError("SGD: nesterov needs a momentum and no dampening");
    }
    this.kinds = momentum === 0 ? [] : ["velocity"];
  }

  settings() {
    return { ...this.#settings };
  }

  protected update(slot: ParameterSlot, grad: Tensor, lr: number): void {
    const { parameter, weightDecay } = slot;
    const settings = this.#settings;
    // Without momentum the kernel never looks at the velocity.
    const { tensor: velocity, fresh: first } =
      settings.momentum === 0 ? { tensor: parameter, fresh: true } : this.slotState("velocity", slot);
    currentBackend().launch("sgd", { ...settings, lr, weightDecay, first }, [grad], [parameter, velocity]);
  }
}

/** `torch.optim.AdamW`'s arguments; the learning rate is an argument of `step`. */
export interface AdamWOptions {
  /** 0.9 and 0.999 by default. */
  readonly betas?: readonly [number, number];
  /** 1e-8 by default. */
  readonly eps?: number;
  /** 0.01 by default. */
  readonly weightDecay?: number;
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101), torch.optim.AdamW. Its corrections count each parameter's own
 * updates.
 */
export class AdamW extends Optimizer {
  readonly kinds = ["m", "v"] as const;
  readonly #settings: Readonly<Record<"beta1" | "beta2" | "eps" | "weightDecay", number>>;

  constructor(parameters: NamedParameters | readonly ParameterGroup[], options: AdamWOptions = {}) {
    checkOptions("AdamW", options, "betas eps weightDecay");
    const { betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 } = options;
    super("AdamW", parameters, weightDecay);
    const [beta1, beta2] = betas;
    checkPositive("AdamW", { eps });
    checkShares("AdamW", { "betas[0]": beta1, "betas[1]": beta2 });
    this.#settings = { beta1, beta2, eps, weightDecay };
  }

  settings() {
    return { ...this.#settings };
  }

  protected update(slot: ParameterSlot, grad: Tensor, lr: number): void {
    // Kernels have the betas in 32 bits, where 1 - 0.999 is off by 1e-5 of itself. The corrections must be those of the same betas, or
    // every step is off by that. The library's own pow, since the engines' differ in the last bit.
    const beta1 = Math.fround(this.#settings.beta1);
    const beta2 = Math.fround(this.#settings.beta2);
    const updates = this.updates.get(slot.name)!;
    const attrs = {
      ...this.#settings,
      lr,
      beta1,
      beta2,
      weightDecay: slot.weightDecay,
      correction1: 1 - pow(beta1, updates),
      correction2: 1 - pow(beta2, updates),
    };
    const m = this.slotState("m", slot).tensor;
    const v = this.slotState("v", slot).tensor;
    currentBackend().launch("adamW", attrs, [grad], [slot.parameter, m, v]);
  }
}
