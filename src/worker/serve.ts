import { isJoin, join } from "../backend/wasm/member.ts";
import type { Owner } from "./spawn.ts";

/** What `worker.js` does: it joins a team of threads. */
export function serve(owner: Owner): void {
  owner.listen((message) => {
    if (isJoin(message)) void join(message, owner.post);
  });
}
