import { el } from "./dom.ts";
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
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const at = names.indexOf(current ?? "classify");
  const next = (at + step + names.length) % names.length;
  buttons[next]!.focus();
  void show(names[next]!);
});

async function show(name: Name): Promise<void> {
  if (name === current) return;
  const before = current;
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
  const panel = await coming;
  if (current !== name) return;
  if (before !== undefined) (await made.get(before))?.hidden?.();
  host.setAttribute("role", "tabpanel");
  host.setAttribute("aria-labelledby", `tab-${name}`);
  host.replaceChildren(panel.element);
  panel.shown?.();
}

const wanted = location.hash.slice(1);
void show(names.includes(wanted as Name) ? (wanted as Name) : "classify");
setTimeout(keepOffline, 10_000); // whoever came for another panel waits for no answer
