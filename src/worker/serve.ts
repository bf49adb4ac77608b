import { isJoin, join } from "../backend/wasm/member.ts";
import type { Owner } from "./spawn.ts";

/** What a worker does: the first message says which of its two lives it leads. */
export function serve(owner: Owner): void {
  owner.listen((message) => {
    if (isJoin(message)) void join(message, owner.post);
  });
}
