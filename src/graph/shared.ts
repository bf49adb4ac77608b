import { Folds } from "./fold.ts";

/** What compiled networks of one model share; it goes with the last of them. */
export class Shared {
  readonly folds = new Folds();
  #users = 0;

  retain(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users === 0) this.folds.dispose();
  }
}
