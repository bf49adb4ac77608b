import { ArgumentError } from "../errors.ts";
import { kindOf } from "../platform/kinds.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/**
 * Modules one after another, torch.nn.Sequential. Their names are "0", "1", …, or the keys of the object given. What lies
 * between two of them is given back at once (autograd keeps what it needs).
 */
export class Sequential extends Module {
  [index: number]: Module;

  constructor(...modules: Module[] | [Readonly<Record<string, Module>>]) {
    super();
    const [first] = modules;
    const named =
      modules.length === 1 && first && typeof first === "object" && !(first instanceof Module) ? first : modules;
    for (const [name, module] of Object.entries<unknown>(named)) {
      if (module == null || module instanceof Module) continue;
      throw new ArgumentError(`Sequential: ${name} must be a module, got ${kindOf(module)}`);
    }
    Object.assign(this, named);
  }

  get length(): number {
    return [...this.namedChildren()].length;
  }

  /** The modules in their order. */
  *[Symbol.iterator](): Generator<Module> {
    for (const [, module] of this.namedChildren()) yield module as Module;
  }

  /** One module after the other. */
  forward(x: Tensor): Tensor {
    return tidy(() => {
      let y = x;
      for (const module of this) {
        const next = module.forward(y);
        // A tensor that a module gave back unchanged (Identity) lives on, and so does the input.
        if (y !== x && next !== y) y.dispose();
        y = next;
      }
      return y;
    });
  }
}
