import { currentBackend } from "../backend/current.ts";
import { Storage } from "../tensor/storage.ts";
import { Folds } from "./fold.ts";

/** What compiled networks of one model share; it goes with the last of them. */
export class Shared {
  readonly folds = new Folds();
  readonly #kept = new Map<Storage, Storage>();
  #users = 0;

  /**
   * A constant that programs go on reading, with the values of now: networks that share it are of one moment, whatever becomes of the
   * model. Itself where nobody can write to it any more (`alone`), else a copy.
   */
  keep(constant: Storage, alone: boolean): Storage {
    let kept = this.#kept.get(constant);
    if (kept === undefined) {
      kept = alone ? constant.retain() : copy(constant);
      this.#kept.set(constant, kept);
    }
    return kept;
  }

  retain(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users > 0) return;
    for (const storage of this.#kept.values()) storage.release();
    this.folds.dispose();
  }
}

function copy(from: Storage): Storage {
  const to = new Storage(from.length);
  const shape = [from.length];
  currentBackend().launch("mulScalar", { factor: 1 }, [{ storage: from, shape }], [{ storage: to, shape }]);
  return to;
}
