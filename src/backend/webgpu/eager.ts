import type { View } from "../backend.ts";
import { type Dispatch, type LowerContext, type Scratch, type Slot, unaliased } from "./context.ts";
import { type Machine, workgroupsOf } from "./machine.ts";
import { writeParams } from "./pipelines.ts";
import type { Block } from "./pool.ts";

/** Records the dispatches of one op at a time; scratch memory is free for the next op as soon as this one is recorded. */
export class Eager implements LowerContext {
  readonly tile: "registers" | "shared";
  readonly #machine: Machine;
  readonly #substitute: ReadonlyMap<object, Slot>;
  #scratch = new Map<Scratch, Block>();

  /** @param substitute slots that are read instead of a storage: scaled weights */
  constructor(machine: Machine, substitute: ReadonlyMap<object, Slot> = new Map()) {
    this.#machine = machine;
    this.tile = machine.tile;
    this.#substitute = substitute;
  }

  /** Not worth it, since the filter would be transformed each time; tests ask for it. */
  winograd(): boolean {
    return this.#machine.winograd === "always";
  }

  launch(lower: () => void): void {
    try {
      lower();
    } finally {
      for (const block of this.#scratch.values()) this.#machine.pool.give(block);
      this.#scratch = new Map();
    }
  }

  dispatch(wanted: Dispatch): void {
    const { pipelines, stream } = this.#machine;
    const dispatch = unaliased(wanted, this);
    const pipeline = pipelines.get(dispatch);
    const group = this.#machine.bind(dispatch, stream.uniforms, (slot) => this.#resolve(slot));
    stream.dispatch(pipeline, group, workgroupsOf(dispatch), (view, at) => {
      writeParams(view, at, dispatch.kernel, dispatch.params);
    });
  }

  scratch(length: number): Slot {
    const slot: Scratch = { scratch: true, length };
    this.#scratch.set(slot, this.#machine.pool.take(length * 4, "scratch memory of an op"));
    return slot;
  }

  prepare(_layout: string, _source: View, length: number, fill: (to: Slot) => void): Slot {
    const slot = this.scratch(length);
    fill(slot);
    return slot;
  }

  #resolve(slot: Slot): Block {
    if ("fixed" in slot) return slot.fixed;
    if ("scratch" in slot) return this.#scratch.get(slot)!;
    const other = this.#substitute.get(slot.storage);
    return other === undefined ? (slot.storage.handle as Block) : this.#resolve(other);
  }
}
