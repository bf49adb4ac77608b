import { el, message } from "./dom.ts";
import { keepOffline } from "./offline.ts";
import { strings } from "./strings.ts";

/** A panel is made when it is first looked at, and told when it comes and goes. */
export interface Panel {
  readonly element: HTMLElement;
  shown?(): void;
  hidden?(): void;
}

type Name = keyof typeof strings.tabs;

const makers: Readonly<Record<Name, () => Promise<Panel>>> = {
  classify: async () => (await import("./classify/panel.ts")).classifyPanel(),
  look: async () => (await import("./look/panel.ts")).lookPanel(),
  train: async () => (await import("./train/panel.ts")).trainPanel(),
  measure: async () => (await import("./measure/panel.ts")).measurePanel(),
};

const names = Object.keys(makers) as Name[];
const tabs = document.querySelector<HTMLElement>("#tabs")!;
const host = document.querySelector<HTMLElement>("#panel")!;
const made = new Map<Name, Promise<Panel>>();
let current: Name | undefined;
let visible: Panel | undefined;

document.querySelector("#tagline")!.textContent = strings.tagline;

const buttons = names.map((name) =>
  el(
    "button",
    { id: `tab-${name}`, role: "tab", type: "button", "aria-controls": "panel", onclick: () => void show(name) },
    strings.tabs[name],
  ),
);
tabs.append(...buttons);
tabs.addEventListener("keydown", (event) => {
  const at = names.indexOf(current ?? "classify");
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const next = (to + names.length) % names.length;
  buttons[next]!.focus();
  void show(names[next]!);
});

async function show(name: Name): Promise<void> {
  if (name === current) return;
  current = name;
  buttons.forEach((button, i) => {
    button.setAttribute("aria-selected", String(names[i] === name));
    button.tabIndex = names[i] === name ? 0 : -1;
  });
  history.replaceState(null, "", `#${name}`);
  let coming = made.get(name);
  if (coming === undefined) {
    coming = makers[name]();
    made.set(name, coming);
  }
  // At once: what comes may take long, and another panel may be chosen before it is there.
  visible?.hidden?.();
  visible = undefined;
  host.setAttribute("role", "tabpanel");
  host.setAttribute("aria-labelledby", `tab-${name}`);
  host.replaceChildren(el("p", { role: "status", class: "muted" }, strings.coming));
  try {
    const panel = await coming;
    if (current !== name) return;
    visible = panel;
    host.replaceChildren(panel.element);
    panel.shown?.();
  } catch (reason) {
    made.delete(name);
    if (current !== name) return;
    const again = el("button", { type: "button", onclick: () => location.reload() }, strings.reload);
    host.replaceChildren(el("p", { class: "error", role: "alert" }, strings.failed(message(reason))), again);
  }
}

const addressed = (): Name | undefined => names.find((name) => name === location.hash.slice(1));
addEventListener("hashchange", () => void show(addressed() ?? current ?? "classify"));
void show(addressed() ?? "classify");

// Its address would take the place of the panel's.
document.querySelector(".skip")!.addEventListener("click", (event) => {
  event.preventDefault();
  host.focus();
});
// A file that misses its place would take the place of the page.
for (const type of ["dragover", "drop"] as const) {
  document.addEventListener(type, (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
}
setTimeout(keepOffline, 10_000); // whoever came for another panel waits for no answer
