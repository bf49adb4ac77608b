import type { Prediction } from "resnet-ts";
import { el } from "./dom.ts";

/** The likeliest classes as bars; a screen reader hears label and per cent. */
export function bars(predictions: readonly Prediction[]): HTMLElement {
  return el(
    "ol",
    { class: "bars" },
    ...predictions.map(({ label, probability }) =>
      el(
        "li",
        {},
        el("span", { class: "label" }, label),
        el("span", { class: "number" }, `${(100 * probability).toFixed(1)} %`),
        el("span", { class: "bar", "aria-hidden": "true" }, el("span", { style: `width:${100 * probability}%` })),
      ),
    ),
  );
}
