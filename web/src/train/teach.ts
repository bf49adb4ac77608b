import { bars } from "../bars.ts";
import { Camera } from "../classify/camera.ts";
import { el, labelled, message } from "../dom.ts";
import { sharedLab } from "../lab/client.ts";
import { draw, openPicture, type Picture } from "../picture.ts";
import { strings } from "../strings.ts";

const text = strings.teach;

interface Taught {
  readonly name: string;
  readonly pictures: Picture[];
  readonly features: Float32Array[];
}

const snippet = (classes: readonly string[]): string => `import { createClassifier, loadCheckpoint } from "resnet-ts";

const head = await loadCheckpoint("head.safetensors");   // fc.weight and fc.bias
const classes = ${JSON.stringify(classes)};
const feature = await (await createClassifier()).embed(picture);
const length = Math.hypot(...feature);
const [w, b] = [head.get("fc.weight").read(), head.get("fc.bias").read()];
const scores = classes.map((_, c) => feature.reduce((s, v, i) => s + (v / length) * w[c * feature.length + i], b[c]));`;

/** Classes of the user's, from files or the webcam; a new last layer on the embedded network. */
export function teachSection(): HTMLElement {
  const lab = sharedLab();
  const taught: Taught[] = [];
  const camera = new Camera();
  const list = el("div", { id: "taught" });
  const error = el("p", { class: "error", role: "alert" });
  const status = el("p", { id: "teach-status", role: "status" }, text.need);
  const answer = el("div", { id: "teach-answer", "aria-live": "polite" });
  const name = el("input", { type: "text", id: "class-name" });
  const learn = el(
    "button",
    { type: "button", class: "primary", id: "learn", disabled: true, onclick: () => void teach() },
    text.learn,
  );
  const exported = el("div", {});
  let file: Uint8Array | undefined;

  const guarded = async (body: () => Promise<void>): Promise<void> => {
    try {
      error.textContent = "";
      await body();
    } catch (reason) {
      error.textContent = message(reason);
    }
  };

  async function add(to: Taught, picture: Picture): Promise<void> {
    to.features.push(await lab.call("embed", picture.file));
    to.pictures.push(picture);
    render();
  }

  const addFiles = (to: Taught, files: Iterable<File>): Promise<void> =>
    guarded(async () => {
      for (const one of files) await add(to, await openPicture(one, one.name));
    });

  const shoot = (to: Taught): Promise<void> =>
    guarded(async () => {
      if (!camera.running) await camera.start();
      const canvas = document.createElement("canvas");
      draw(canvas, camera.video);
      const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
      if (blob !== null) await add(to, await openPicture(blob, "the webcam's picture"));
    });

  function render(): void {
    list.replaceChildren(
      ...taught.map((each) => {
        const files = el("input", {
          type: "file",
          accept: "image/*",
          multiple: true,
          hidden: true,
          "data-class": each.name,
          onchange: () => void addFiles(each, [...(files.files ?? [])]),
        });
        const thumbs = each.pictures.map((picture) => {
          const canvas = el("canvas", { role: "img", "aria-label": picture.name });
          draw(canvas, picture.bitmap);
          return canvas;
        });
        return el(
          "section",
          {},
          el("h3", {}, `${each.name}: ${text.pictures(each.pictures.length)}`),
          el(
            "div",
            { class: "row" },
            el("button", { type: "button", onclick: () => files.click() }, text.files),
            el("button", { type: "button", onclick: () => void shoot(each) }, text.shoot),
            files,
          ),
          el("div", { class: "thumbs" }, ...thumbs),
        );
      }),
    );
    learn.disabled = taught.filter(({ features }) => features.length > 0).length < 2;
  }

  const teach = (): Promise<void> =>
    guarded(async () => {
      const used = taught.filter(({ features }) => features.length > 0);
      const features = used.flatMap((each) => each.features);
      const labels = used.flatMap((each, i) => each.features.map(() => i));
      const classes = used.map((each) => each.name);
      const found = await lab.call("teach", features, labels, classes);
      file = found.file;
      status.textContent = text.learned(found.correct, features.length, found.ms);
      const save = el("button", { type: "button", id: "export", onclick: () => download() }, text.export);
      exported.replaceChildren(
        save,
        el("p", {}, text.snippet),
        el("pre", { tabIndex: 0 }, el("code", {}, snippet(classes))),
      );
      tryFile.disabled = false;
    });

  function download(): void {
    const url = URL.createObjectURL(new Blob([file as Uint8Array<ArrayBuffer>]));
    el("a", { href: url, download: "head.safetensors" }).click();
    URL.revokeObjectURL(url);
  }

  const chooser = el("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    id: "try-file",
    onchange: () => {
      const chosen = chooser.files?.[0];
      chooser.value = "";
      if (chosen === undefined) return;
      void guarded(async () => {
        const picture = await openPicture(chosen, chosen.name);
        const { predictions } = await lab.call("ask", await lab.call("embed", picture.file));
        answer.replaceChildren(bars(predictions));
      });
    },
  });
  const tryFile = el("button", { type: "button", disabled: true, onclick: () => chooser.click() }, text.test);

  const addClass = (): void => {
    const wanted = name.value.trim();
    if (wanted === "" || taught.some((each) => each.name === wanted)) return;
    taught.push({ name: wanted, pictures: [], features: [] });
    name.value = "";
    render();
  };
  name.addEventListener("keydown", (event) => event.key === "Enter" && addClass());

  return el(
    "section",
    { class: "below" },
    el("h2", {}, text.title),
    el("p", { class: "muted" }, text.intro),
    el(
      "div",
      { class: "row" },
      labelled(text.name, name),
      el("button", { type: "button", id: "add-class", onclick: addClass }, text.add),
    ),
    list,
    el("div", { class: "row" }, learn, tryFile, chooser),
    status,
    answer,
    exported,
    error,
  );
}
