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
  let runs = 0;
  let data: File | undefined;

  const file = el("input", {
    type: "file",
    accept: ".zip,.bin,.gz",
    hidden: true,
    onchange: () => {
      choose(file.files?.[0]);
      file.value = "";
    },
  });
  const patches = el("button", { type: "button", hidden: true, onclick: () => choose(undefined) }, text.patches);
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

  const fail = (reason: unknown): void => {
    error.textContent = message(reason);
    hold.disabled = true;
  };

  function choose(chosen: File | undefined): void {
    if (document.activeElement === patches) start.focus(); // it is about to go
    data = chosen;
    patches.hidden = data === undefined;
    about.textContent = data?.name ?? "";
  }

  function pause(now: boolean): void {
    paused = now;
    hold.textContent = now ? text.resume : text.pause;
    lab?.call("pause", now).catch(fail);
  }

  async function begin(): Promise<void> {
    error.textContent = status.textContent = "";
    paused = false;
    hold.textContent = text.pause;
    lab ??= new Lab();
    const mine = ++runs;
    lab.onFailure = ({ run, why }) => {
      if (run === mine) fail(why);
    };
    lab.onStep = (step) => {
      if (step.run !== mine) return; // of the run before, sent before it heard of this one
      losses.add(step.step, step.residual.loss, step.plain.loss);
      status.textContent = `${text.step(step.step)}, ${text.speed(step.picturesPerSecond)}`;
      norms.replace(step.residual.norms, step.plain.norms);
    };
    losses.replace();
    norms.replace();
    try {
      const options: TrainOptions = {
        depth: Number(depth.value),
        shortcut: shortcut.value as TrainOptions["shortcut"],
        run: mine,
        batch: 32,
        photograph: (await samplePicture()).file,
        ...(data === undefined ? {} : { data }),
      };
      const { pictures, classes } = await lab.call("startTraining", options);
      if (mine !== runs) return;
      about.textContent = text.pictures(pictures, classes.length);
      hold.disabled = false;
      start.textContent = text.stop;
    } catch (reason) {
      if (mine === runs) fail(reason);
    }
  }

  const taught = teachSection();
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
      patches,
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
    taught.element,
  );
  const hidden = (): void => {
    taught.hidden();
    if (lab !== undefined && !hold.disabled) pause(true);
  };
  return { element, hidden };
}
