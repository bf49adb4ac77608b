import type { Classifier, LoadProgress } from "resnet-ts";
import { el, labelled, message } from "../dom.ts";
import { strings } from "../strings.ts";
import { type Offered, offered, openNetwork } from "./network.ts";

const text = strings.networks;

/** Which network: a list, a download with progress that can be cancelled, or weights from a file of the user's. */
export function chooser(use: (classifier: Classifier) => void): { element: HTMLElement; start(): Promise<void> } {
  const select = el(
    "select",
    { onchange: () => changed() },
    ...offered.map(({ name, megabytes }, i) =>
      el("option", { value: name }, i === 0 ? text.embedded : `${name}, ImageNet (${text.size(megabytes)})`),
    ),
  );
  const bar = el("progress", { max: 1, hidden: true, "aria-label": text.load });
  const status = el("p", { role: "status", class: "muted" });
  const load = el("button", { type: "button", hidden: true, onclick: () => void open() }, text.load);
  const cancel = el("button", { type: "button", hidden: true, onclick: () => abort?.abort() }, text.cancel);
  const file = el("input", {
    type: "file",
    accept: ".pth,.th,.pt,.safetensors",
    hidden: true,
    onchange: () => {
      const chosen = file.files?.[0];
      file.value = "";
      if (chosen) void open(chosen);
    },
  });
  const fromFile = el("button", { type: "button", title: text.fileNote, onclick: () => file.click() }, text.file);
  let abort: AbortController | undefined;

  const wanted = (): Offered => select.value as Offered;

  function changed(): void {
    const embedded = wanted() === offered[0].name;
    load.hidden = embedded;
    status.textContent = "";
    if (embedded) void open();
  }

  function progress({ phase, loaded, total }: LoadProgress): void {
    if (phase !== "download" || loaded === undefined) return;
    bar.hidden = false;
    if (total) bar.value = loaded / total;
    status.textContent = text.downloading(loaded, total);
  }

  async function open(weights?: Blob): Promise<void> {
    abort?.abort();
    const mine = new AbortController();
    abort = mine;
    cancel.hidden = weights !== undefined || wanted() === offered[0].name;
    try {
      const name = wanted();
      const options = { signal: mine.signal, onProgress: progress, ...(weights ? { weights } : {}) };
      const classifier = await openNetwork(name, options);
      if (mine.signal.aborted) return classifier.dispose();
      status.textContent = text.ready(weights instanceof File ? weights.name : name);
      use(classifier);
    } catch (error) {
      status.textContent = mine.signal.aborted ? text.cancelled : message(error);
    } finally {
      if (abort === mine) {
        bar.hidden = true;
        cancel.hidden = true;
      }
    }
  }

  const element = el(
    "div",
    {},
    el("div", { class: "row" }, labelled(text.label, select), load, cancel, fromFile, file),
    bar,
    status,
  );
  return { element, start: () => open() };
}
