type Child = Node | string | null | undefined | false;
type Props = Readonly<Record<string, unknown>>;

/** An element with properties (`onclick`, `value`), attributes (`aria-label`, `role`, anything that is no property) and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = String(value);
    else if (name in element && !name.includes("-")) Reflect.set(element, name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((c): c is Node | string => c !== null && c !== undefined && c !== false));
  return element;
}

export function svg(tag: string, attributes: Props = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children.filter((c): c is Node | string => Boolean(c)));
  return element;
}

/** Terms and what they are. */
export function facts(pairs: readonly (readonly [term: string, value: string])[]): HTMLDListElement {
  return el("dl", {}, ...pairs.flatMap(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]));
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let numbered = 0;

/** A control with its label. */
export function labelled(text: string, control: HTMLElement): HTMLElement {
  control.id ||= `control-${++numbered}`;
  return el("span", { class: "row" }, el("label", { htmlFor: control.id }, text), control);
}
