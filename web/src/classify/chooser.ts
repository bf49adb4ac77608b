import { type Classifier, type LoadProgress, StateDictError } from "resnet-ts";
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
    if (total) bar.value = loaded / total;
    status.textContent = text.downloading(loaded, total);
  }

  async function open(weights?: File): Promise<void> {
    abort?.abort();
    const mine = new AbortController();
    abort = mine;
    const name = wanted();
    const downloaded = weights === undefined && name !== offered[0].name;
    cancel.hidden = bar.hidden = !downloaded;
    bar.removeAttribute("value"); // no share of it is known yet
    if (downloaded) status.textContent = text.asking(name);
    try {
      const classifier = await openNetwork(name, {
        signal: mine.signal,
        onProgress: (news) => abort === mine && !mine.signal.aborted && progress(news),
        ...(weights ? { weights } : {}),
      });
      if (mine.signal.aborted) return classifier.dispose();
      status.textContent = text.ready(weights?.name ?? name);
      use(classifier);
    } catch (error) {
      // Of one that another took the place of, nothing is said.
      if (abort === mine) status.textContent = mine.signal.aborted ? text.cancelled : inWords(error, name, weights);
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

/** Weights of another network differ in hundreds of names: the first is enough. */
function inWords(error: unknown, network: string, weights: File | undefined): string {
  if (!(error instanceof StateDictError)) return message(error);
  const { missing, unexpected, misshapen } = error;
  const all = [
    ...misshapen.map(text.misshapen),
    ...missing.map((name) => text.missing(name)),
    ...unexpected.map((name) => text.unexpected(name)),
  ];
  return text.misfit(weights?.name ?? "", network, all[0] ?? "", all.length - 1);
}
