import { need } from "../options.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Parameter } from "./parameter.ts";
import { type Loadable, type LoadOptions, type LoadReport, loadInto, type StateTensors } from "./stateDict.ts";

/** Symbol.dispose where the engine has it; `using` needs it, `dispose()` does not. */
const disposeSymbol: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

/** Called after every use of a module. `use` counts the uses since the hook was set: a block may use one ReLU three times. */
export type ForwardHook = (module: Module<unknown>, output: unknown, use: number) => void;

/** Called before every use of a module. */
export type BeforeHook = (module: Module<unknown>) => void;

/**
 * A piece of a network. Whatever a module is made of are its properties, and their names are the keys of checkpoints:
 * modules are children, a {@link Parameter} (or a tensor that requires a gradient) is a parameter, any other tensor is a buffer
 * (running statistics). A property that is null or undefined is not there.
 *
 * `Out` is what `forward` returns; nearly always a tensor.
 */
export abstract class Module<Out = Tensor> {
  /** True after `train()` (and at first, as in PyTorch), false after `eval()`: batch norm and dropout differ. */
  training = true;
  readonly #hooks = new Set<{ readonly after: ForwardHook; readonly before: BeforeHook | undefined; uses: number }>();
  #deafen: (() => void) | undefined;

  /** What the module computes. */
  abstract forward(x: Tensor): Out;

  /** What stands between the brackets when the module is printed. */
  extraRepr(): string {
    return "";
  }

  /** The name that is printed. */
  get typeName(): string {
    return this.constructor.name;
  }

  /** Direct children by name, in the order of the properties. */
  *namedChildren(): Generator<[name: string, module: Module<unknown>]> {
    for (const [name, value] of Object.entries(this)) if (value instanceof Module) yield [name, value];
  }

  /**
   * This module (its name is `prefix`, by default "") and everything inside it, parents first. A shared module comes once, or with
   * `removeDuplicate` false under each of its names, as in checkpoints.
   */
  *namedModules(
    prefix = "",
    seen = new Set<Module<unknown>>(),
    removeDuplicate = true,
  ): Generator<[name: string, module: Module<unknown>]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) {
      yield* child.namedModules(join(prefix, name), seen, removeDuplicate);
    }
    if (!removeDuplicate) seen.delete(this); // but never inside itself
  }

  /** This module and everything inside it, parents first. */
  *modules(): Generator<Module<unknown>> {
    for (const [, module] of this.namedModules()) yield module;
  }

  /** Parameters by checkpoint key. A shared parameter comes once. */
  *namedParameters(): Generator<[key: string, parameter: Tensor]> {
    yield* named(this, isParameter);
  }

  /** Buffers by checkpoint key. */
  *namedBuffers(): Generator<[key: string, buffer: Tensor]> {
    yield* named(this, (t) => !isParameter(t));
  }

  /** Parameters without their names; a shared one comes once. */
  parameters(): Tensor[] {
    return [...this.namedParameters()].map(([, p]) => p);
  }

  /** Buffers (running statistics) without their names. */
  buffers(): Tensor[] {
    return [...this.namedBuffers()].map(([, b]) => b);
  }

  /** Number of parameters (not of buffers). Allocates nothing. */
  get parameterCount(): number {
    let count = 0;
    for (const [, p] of this.namedParameters()) count += p.size;
    return count;
  }

  /**
   * Everything that a checkpoint holds, in PyTorch's order; what is shared, under each of its names. The tensors are the module's own,
   * not copies.
   */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [prefix, module] of this.namedModules("", new Set(), false)) {
      const own = ownTensors(module);
      for (const [name, t] of own) if (isParameter(t)) state.set(join(prefix, name), t);
      for (const [name, t] of own) if (!isParameter(t)) state.set(join(prefix, name), t);
    }
    return state;
  }

  /**
   * Replaces parameters and buffers by those of a checkpoint: a `Map` or a plain object of checkpoint tensors (as
   * `loadCheckpoint` gives), tensors, or `{ shape, data }`. One tensor is read at a time. Nothing is changed when it throws.
   * @throws StateDictError that lists every missing, unexpected and misshapen key
   * @throws ResNetError when a value is NaN or infinite (`allowNonFinite: true` lets them in)
   */
  loadStateDict(state: Loadable, options: LoadOptions = {}): LoadReport {
    return loadInto(this, state, options);
  }

  /**
   * Lets a module understand checkpoints that were made for a slightly different one (other names, a stem for RGB): gets the
   * tensors, of which this module's keys start with `prefix`, and returns them as they should be. `loadStateDict` calls it.
   */
  adaptState(state: StateTensors, _prefix: string): StateTensors {
    return state;
  }

  /** Sets training mode here and in all that is inside. Returns this. */
  train(on = true): this {
    for (const module of this.modules()) module.training = on;
    return this;
  }

  /** Evaluation mode: batch norm uses its running statistics, dropout does nothing. Returns this. */
  eval(): this {
    return this.train(false);
  }

  /** Freezes (false) or thaws (true) all parameters. Returns this. */
  requiresGrad(on = true): this {
    for (const [, p] of this.namedParameters()) p.requiresGrad = on;
    return this;
  }

  /** Calls `visit` with every module inside and then with this one, as PyTorch's `apply`. Returns this. */
  apply(visit: (module: Module<unknown>) => void): this {
    for (const [, child] of this.namedChildren()) child.apply(visit);
    visit(this);
    return this;
  }

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const [, p] of this.namedParameters()) {
      p.grad?.dispose();
      p.grad = null;
    }
  }

  /** Moves parameters and buffers to the backend that is current now, after another `init`. Returns this. */
  async to(): Promise<this> {
    for (const t of this.stateDict().values()) {
      await t.storage.move();
      await t.grad?.storage.move();
    }
    return this;
  }

  /** Gives the memory of all parameters and buffers back. */
  dispose(): void {
    for (const t of this.stateDict().values()) t.dispose();
  }

  /** `using net = …` gives the memory back at the end of its block. */
  [disposeSymbol](): void {
    this.dispose();
  }

  /**
   * Calls `after` (and `before`) at each use of this module until the returned function is called. Costs nothing where no
   * hook is set: only then `forward` is wrapped.
   */
  onForward(after: ForwardHook, before?: BeforeHook): () => void {
    const hooks = this.#hooks;
    const hook = { after, before, uses: 0 };
    if (hooks.size === 0) this.#listen();
    hooks.add(hook);
    return () => {
      if (hooks.delete(hook) && hooks.size === 0) this.#deafen?.();
    };
  }

  /** One wrapper for all hooks, so that they can go in any order. */
  #listen(): void {
    const own = Object.getOwnPropertyDescriptor(this, "forward");
    const { forward } = this;
    const value = (...inputs: [Tensor]): Out => {
      for (const { before } of this.#hooks) before?.(this);
      const output = forward.apply(this, inputs);
      for (const hook of this.#hooks) hook.after(this, output, hook.uses++);
      return output;
    };
    Object.defineProperty(this, "forward", { value, configurable: true, writable: true });
    this.#deafen = () => {
      if (this.forward !== value) return; // somebody wrapped it once more: without hooks it does nothing
      if (own === undefined) delete (this as { forward?: unknown }).forward;
      else Object.defineProperty(this, "forward", own);
    };
  }

  /** The tree, as PyTorch prints it. */
  toString(): string {
    const extra = this.extraRepr();
    const children = [...this.namedChildren()].map(([name, child]) => `(${name}): ${indent(child.toString())}`);
    if (children.length === 0) return `${this.typeName}(${extra})`;
    const lines = extra === "" ? children : [extra, ...children];
    return `${this.typeName}(\n  ${lines.join("\n  ")}\n)`;
  }
}

/** @throws ArgumentError for what is no network, one that nobody awaited for instance */
export function checkNet(owner: string, net: unknown): void {
  need(net instanceof Module, owner, "a network (a module)", net);
}

function isParameter(t: Tensor): boolean {
  return t instanceof Parameter || t.requiresGrad;
}

function ownTensors(module: Module<unknown>): [name: string, tensor: Tensor][] {
  // What a recorded op made is a result that the module remembers, and no part of it.
  return Object.entries(module).filter(
    (entry): entry is [string, Tensor] => entry[1] instanceof Tensor && !entry[1].gradient,
  );
}

function* named(root: Module<unknown>, want: (t: Tensor) => boolean): Generator<[string, Tensor]> {
  const seen = new Set<Tensor>();
  for (const [prefix, module] of root.namedModules()) {
    for (const [name, t] of ownTensors(module)) {
      if (!want(t) || seen.has(t)) continue;
      seen.add(t);
      yield [join(prefix, name), t];
    }
  }
}

function join(prefix: string, name: string): string {
  return prefix === "" ? name : `${prefix}.${name}`;
}

function indent(text: string): string {
  return text.replaceAll("\n", "\n  ");
}
