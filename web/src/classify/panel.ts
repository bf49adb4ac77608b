import { type Classifier, DroppedError, type Explanation, type Prediction } from "resnet-ts";
import { bars } from "../bars.ts";
import { el, facts, labelled, message } from "../dom.ts";
import type { Panel } from "../main.ts";
import { keepOffline } from "../offline.ts";
import { draw, type Picture, pictureInput } from "../picture.ts";
import { strings } from "../strings.ts";
import { Camera } from "./camera.ts";
import { chooser } from "./chooser.ts";
import { drawHeat } from "./heat.ts";

const text = strings.classify;

/** Drop, paste, pick or photograph a picture: what it is, where the network sees it, how long that took and on what. */
export function classifyPanel(): Panel {
  const canvas = el("canvas", { role: "img", "aria-label": strings.picture.canvas, width: 320, height: 240 });
  const heat = el("canvas", { class: "over", "aria-hidden": "true" });
  const stack = el("div", { class: "stack" }, canvas, heat);
  const answer = el("div", { id: "answer", "aria-live": "polite" }, el("p", { class: "muted" }, text.none));
  const about = el("div", { id: "about" });
  const knows = el("p", { class: "muted" });
  const error = el("p", { class: "error", role: "alert" });
  const frames = el("p", { class: "muted", id: "frames" });
  const opacity = el("input", { type: "range", min: "0", max: "1", step: "0.05", value: "0.6" });
  opacity.addEventListener("input", () => {
    heat.style.opacity = opacity.value;
  });
  heat.style.opacity = opacity.value;

  let classifier: Classifier | undefined;
  let shown: Classifier | undefined;
  let picture: Picture | undefined;
  const camera = new Camera((why) => {
    backToPicture();
    fail(why);
  });

  const fail = (reason: unknown): void => {
    error.textContent = message(reason);
  };

  function show(predictions: readonly Prediction[], ms: number, owner: Classifier): void {
    const { backend, binary, threads, reasons, memory } = owner.backend;
    const { labels } = owner;
    const first = owner !== shown;
    shown = owner;
    answer.replaceChildren(bars(predictions));
    knows.textContent =
      labels === undefined
        ? ""
        : labels.length <= 20
          ? text.knows(labels.map(({ name }) => name))
          : text.knowsMany(labels.length);
    about.replaceChildren(
      facts([
        [text.facts.network, owner.model],
        [text.facts.time, text.took(ms, first)],
        [text.facts.backend, text.backend(backend, binary, threads, owner.worker)],
        [text.facts.why, reasons.join("; ")],
        [text.facts.memory, text.memory(memory.reserved)],
      ]),
    );
  }

  async function look(taken: Picture): Promise<void> {
    picture = taken;
    error.textContent = "";
    draw(canvas, taken.bitmap);
    heat.width = heat.height = 1;
    const owner = classifier;
    if (owner === undefined) return;
    const asked = (): boolean => picture === taken && owner === classifier && !camera.running;
    try {
      const started = performance.now();
      const predictions = await owner.classify(taken.file);
      const ms = performance.now() - started;
      if (!asked()) return;
      show(predictions, ms, owner);
      const explanation = await owner.explain(taken.file);
      if (!asked()) return;
      explain(explanation);
      keepOffline();
    } catch (reason) {
      if (reason instanceof DroppedError || !asked()) return;
      // What is there is another picture's.
      answer.replaceChildren(el("p", { class: "muted" }, text.noAnswer));
      about.replaceChildren();
      fail(reason);
    }
  }

  function explain({ map }: Explanation): void {
    drawHeat(heat, map);
  }

  async function live(): Promise<void> {
    let done = 0;
    let dropped = 0;
    const from = performance.now();
    stack.replaceChildren(camera.video);
    const frame = async (): Promise<void> => {
      const owner = classifier;
      if (owner === undefined) return;
      const started = performance.now();
      try {
        const predictions = await owner.classify(camera.video);
        if (!camera.running) return;
        done++;
        show(predictions, performance.now() - started, owner);
      } catch (reason) {
        if (reason instanceof DroppedError) dropped++;
        else if (owner === classifier && camera.running) fail(reason);
      }
      if (!camera.running) return;
      frames.textContent = text.frames((1000 * done) / (performance.now() - from), dropped);
    };
    const next = (): void => {
      if (!camera.running) return;
      void frame(); // the classifier drops what it cannot keep up with
      requestAnimationFrame(next);
    };
    next();
  }

  const shoot = el("button", { type: "button", onclick: () => void toggleCamera() }, strings.picture.camera);
  function stopCamera(): void {
    const ran = camera.running;
    camera.stop(); // one that is still being started as well
    if (!ran) return;
    shoot.textContent = strings.picture.camera;
    frames.textContent = "";
    stack.replaceChildren(canvas, heat);
    answer.setAttribute("aria-live", "polite");
  }
  /** The picture is shown again, so the answer has to be its own. */
  function backToPicture(): void {
    const ran = camera.running;
    stopCamera();
    if (ran && picture !== undefined) void look(picture);
  }
  async function toggleCamera(): Promise<void> {
    if (camera.running) return backToPicture();
    error.textContent = "";
    try {
      if (!(await camera.start())) return;
      shoot.textContent = strings.picture.stopCamera;
      answer.setAttribute("aria-live", "off"); // nobody can listen to 40 answers a second
      await live();
    } catch (reason) {
      fail(reason);
    }
  }

  const networks = chooser((opened) => {
    classifier?.dispose();
    classifier = opened;
    if (picture !== undefined && !camera.running) void look(picture);
  });
  const input = pictureInput(
    stack,
    (taken) => {
      stopCamera();
      void look(taken);
    },
    fail,
  );
  // The sample at once: the first thing a visitor sees is an answer.
  void input.sample();
  void networks.start().then(() => {
    if (classifier === undefined) answer.replaceChildren(el("p", { class: "muted" }, text.noNetwork));
  });

  const element = el(
    "div",
    { class: "columns" },
    el(
      "section",
      { class: "card", "aria-label": strings.tabs.classify },
      input.zone,
      el("p", { class: "muted" }, strings.picture.hint),
      input.note,
      el("div", { class: "row" }, ...input.buttons, shoot),
      input.samples,
      labelled(text.opacity, opacity),
      frames,
      error,
    ),
    el("section", { class: "card" }, el("h2", {}, text.title), answer, knows, networks.element, about),
  );
  return { element, hidden: backToPicture };
}
