import { el, facts, message } from "../dom.ts";
import { Lab } from "../lab/client.ts";
import type { Panel } from "../main.ts";
import { strings } from "../strings.ts";

const text = strings.measure;
const backends = ["wasm", "wasm relaxed", "js", "webgpu"] as const;

/** What test/runtimes committed for this case; every runtime gives it. Put there by the build. */
declare const EXPECTED_HASH: string;

/** The benchmark, here and now, and the proof that this browser computes the same bits. */
export function measurePanel(): Panel {
  const body = el("tbody", {});
  const status = el("p", { id: "measure-status", role: "status" });
  const peak = el("p", { id: "peak" });
  const notes = el("div", {});
  const hash = el("p", { id: "hash" }, text.hashYet);
  const run = el(
    "button",
    { type: "button", class: "primary", id: "measure", onclick: () => void measure() },
    text.run,
  );
  let lab: Lab | undefined;

  async function check(): Promise<void> {
    const found = await lab!.call("hash");
    if ("missing" in found) {
      hash.textContent = found.missing;
      return;
    }
    const equal = found.hash === EXPECTED_HASH;
    hash.replaceChildren(
      el("code", {}, `${found.hash.slice(0, 16)}… `),
      el("strong", { class: equal ? "good" : "error" }, equal ? text.equal : text.differs),
    );
  }

  async function measure(): Promise<void> {
    run.disabled = true;
    status.textContent = text.running;
    body.replaceChildren();
    notes.replaceChildren();
    lab ??= new Lab();
    try {
      await check();
      const most = await lab.call("peak");
      peak.textContent = text.peak(most);
      for (const backend of backends) {
        const found = await lab.call("time", backend);
        if ("missing" in found) {
          notes.append(facts([[backend, found.missing]]));
          continue;
        }
        for (const { network, ms, gflops } of found.rows) {
          const share = backend === "wasm" ? `${((100 * gflops) / most).toFixed(0)}\u00a0%` : "";
          const cells = [network, backend, ms.toFixed(1), gflops.toFixed(1), share];
          body.append(el("tr", {}, ...cells.map((cell) => el("td", {}, cell))));
        }
      }
      status.textContent = "";
    } catch (reason) {
      status.textContent = message(reason);
    } finally {
      run.disabled = false;
    }
  }

  const element = el(
    "div",
    {},
    el("h2", {}, text.title),
    el("p", { class: "muted" }, text.intro),
    el("div", { class: "row" }, run),
    status,
    peak,
    el(
      "div",
      { class: "scroll wraps", tabIndex: 0, role: "region", "aria-label": text.title },
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, ...text.columns.map((name) => el("th", { scope: "col" }, name)))),
        body,
      ),
    ),
    notes,
    el("section", { class: "card below" }, el("h2", {}, text.hash), hash, el("p", { class: "muted" }, text.hashNote)),
  );
  return { element };
}
