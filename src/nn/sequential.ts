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
    if (modules.length === 1 && first !== undefined && !(first instanceof Module)) Object.assign(this, first);
    else Object.assign(this, modules);
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
