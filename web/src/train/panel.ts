import { el, labelled, message } from "../dom.ts";
import { Lab } from "../lab/client.ts";
import type { TrainOptions } from "../lab/protocol.ts";
import type { Panel } from "../main.ts";
import { samplePicture } from "../picture.ts";
import { strings } from "../strings.ts";
import { Curves } from "./chart.ts";
import { teachSection } from "./teach.ts";

const text = strings.train;
const depths = [8, 14, 20, 32] as const;

/** A residual network and its plain twin learn side by side in a worker; below, a last layer for classes of the user's. */
export function trainPanel(): Panel {
  const depth = el(
    "select",
    {},
    ...depths.map((d) => el("option", { value: String(d), selected: d === 14 }, String(d))),
  );
  const shortcut = el(
    "select",
    {},
    ...Object.entries(text.shortcuts).map(([value, name]) => el("option", { value }, name)),
  );
  const status = el("p", { id: "train-status", role: "status" });
  const error = el("p", { class: "error", role: "alert" });
  const about = el("p", { class: "muted" });
  const names = [text.residual, text.plain] as const;
  const losses = new Curves({ names, label: text.chart, x: text.stepAxis, y: text.lossAxis });
  const norms = new Curves({ names, label: text.normChart, x: text.layerAxis, y: text.normAxis });
  let lab: Lab | undefined;
  let paused = false;
  let data: Blob | undefined;

  const file = el("input", {
    type: "file",
    accept: ".zip,.bin,.gz",
    hidden: true,
    onchange: () => {
      data = file.files?.[0];
      about.textContent = data instanceof File ? data.name : "";
    },
  });
  const start = el(
    "button",
    { type: "button", class: "primary", id: "train-start", onclick: () => void begin() },
    text.start,
  );
  const hold = el(
    "button",
    { type: "button", id: "train-pause", disabled: true, onclick: () => pause(!paused) },
    text.pause,
  );

  function pause(now: boolean): void {
    paused = now;
    hold.textContent = now ? text.resume : text.pause;
    void lab?.call("pause", now);
  }

  async function begin(): Promise<void> {
    error.textContent = "";
    losses.replace();
    norms.replace();
    paused = false;
    hold.textContent = text.pause;
    lab ??= new Lab();
    lab.onStep = (step) => {
      losses.add(step.step, step.residual.loss, step.plain.loss);
      status.textContent = `${text.step(step.step)}, ${text.speed(step.picturesPerSecond)}`;
      norms.replace(step.residual.norms, step.plain.norms);
    };
    try {
      const options: TrainOptions = {
        depth: Number(depth.value),
        shortcut: shortcut.value as TrainOptions["shortcut"],
        batch: 32,
        photograph: (await samplePicture()).file,
        ...(data === undefined ? {} : { data }),
      };
      const { pictures, classes } = await lab.call("startTraining", options);
      about.textContent = text.pictures(pictures, classes.length);
      hold.disabled = false;
      start.textContent = text.stop;
    } catch (reason) {
      error.textContent = message(reason);
    }
  }

  const element = el(
    "div",
    {},
    el("h2", {}, text.title),
    el("p", { class: "muted" }, text.intro),
    el(
      "div",
      { class: "row" },
      labelled(text.depth, depth),
      labelled(text.shortcut, shortcut),
      el("span", { class: "muted" }, text.twin),
    ),
    el(
      "div",
      { class: "row" },
      el("button", { type: "button", title: text.dataNote, onclick: () => file.click() }, text.data),
      file,
      start,
      hold,
    ),
    about,
    status,
    error,
    el(
      "div",
      { class: "columns" },
      el("section", { class: "card" }, el("h3", {}, text.loss), losses.element),
      el("section", { class: "card" }, el("h3", {}, text.norms), norms.element),
    ),
    teachSection(),
  );
  return { element, hidden: () => lab !== undefined && !hold.disabled && pause(true) };
}
