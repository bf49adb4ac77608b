import { bars } from "../bars.ts";
import { Camera } from "../classify/camera.ts";
import { el, labelled, message } from "../dom.ts";
import { sharedLab } from "../lab/client.ts";
import { draw, openPicture, type Picture } from "../picture.ts";
import { strings } from "../strings.ts";

const text = strings.teach;

interface Example {
  readonly picture: Picture;
  readonly feature: Float32Array;
}

interface Taught {
  readonly name: string;
  readonly examples: Example[];
  /** Shows what was added or taken away; the controls stay, and the focus with them. */
  readonly render: () => void;
}

const snippet = (classes: readonly string[]): string => `import { createClassifier, loadCheckpoint } from "resnet-ts";

const head = await loadCheckpoint("head.safetensors");   // fc.weight and fc.bias
const classes = ${JSON.stringify(classes)};
const feature = await (await createClassifier()).embed(picture);
const length = Math.hypot(...feature);
const [w, b] = [head.get("fc.weight").read(), head.get("fc.bias").read()];
const scores = classes.map((_, c) => feature.reduce((s, v, i) => s + (v / length) * w[c * feature.length + i], b[c]));`;

/** Classes of the user's, from files or the webcam; a new last layer on the embedded network. */
export function teachSection(): { element: HTMLElement; hidden(): void } {
  const lab = sharedLab();
  const taught: Taught[] = [];
  const camera = new Camera((why) => {
    stop();
    error.textContent = why;
  });
  const list = el("div", { id: "taught" });
  const error = el("p", { class: "error", role: "alert" });
  const status = el("p", { id: "teach-status", role: "status" }, text.need);
  const answer = el("div", { id: "teach-answer", "aria-live": "polite" });
  const nameInput = el("input", { type: "text", id: "class-name" });
  const learn = el(
    "button",
    { type: "button", class: "primary", id: "learn", disabled: true, onclick: () => void teach() },
    text.learn,
  );
  const exported = el("div", {});
  const view = el("div", { class: "row" });
  const stop = (): void => {
    camera.stop();
    view.replaceChildren();
  };
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
    const feature = await lab.call("embed", picture.file);
    to.examples.push({ picture, feature });
    to.render();
  }

  /** One that cannot be opened does not keep those behind it out. */
  const addFiles = (to: Taught, files: Iterable<File>): Promise<void> =>
    guarded(async () => {
      const refused: string[] = [];
      for (const one of files) {
        try {
          await add(to, await openPicture(one, one.name));
        } catch (reason) {
          refused.push(message(reason));
        }
      }
      if (refused.length > 0) throw new Error(refused.join(" "));
    });

  const shoot = (to: Taught, button: HTMLElement): Promise<void> =>
    guarded(async () => {
      if (!camera.running) {
        if (!(await camera.start())) return;
        const end = el(
          "button",
          {
            type: "button",
            onclick: () => {
              stop();
              button.focus(); // this one is gone
            },
          },
          strings.picture.stopCamera,
        );
        view.replaceChildren(
          el("div", { class: "stack" }, camera.video),
          end,
          el("span", { class: "muted" }, text.again),
        );
        return;
      }
      const canvas = document.createElement("canvas");
      draw(canvas, camera.video);
      const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
      if (blob !== null) await add(to, await openPicture(blob, text.shot));
    });

  const trained = (): Taught[] => taught.filter(({ examples }) => examples.length > 0);

  function section(name: string): HTMLElement {
    const files = el("input", {
      type: "file",
      accept: "image/*",
      multiple: true,
      hidden: true,
      "data-class": name,
      onchange: () => {
        const chosen = [...(files.files ?? [])];
        files.value = "";
        void addFiles(each, chosen);
      },
    });
    const button = (label: string, onclick: () => void): HTMLButtonElement =>
      el("button", { type: "button", "aria-label": text.of(label, name), onclick }, label);
    const open = button(text.files, () => files.click());
    const webcam = button(text.shoot, () => void shoot(each, webcam));
    const title = el("h3", {});
    const thumbs = el("div", { class: "thumbs" });
    const each: Taught = {
      name,
      examples: [],
      render: () => {
        title.textContent = `${name}: ${text.pictures(each.examples.length)}`;
        thumbs.replaceChildren(...each.examples.map((example) => thumb(each, example, open)));
        learn.disabled = trained().length < 2;
      },
    };
    const whole = el(
      "section",
      {},
      title,
      el("div", { class: "row" }, open, webcam, button(text.remove, remove), files),
      thumbs,
    );
    function remove(): void {
      taught.splice(taught.indexOf(each), 1);
      whole.remove();
      learn.disabled = trained().length < 2;
      nameInput.focus();
    }
    taught.push(each);
    each.render();
    return whole;
  }

  /** A small picture; pressed, it is taken away. */
  function thumb(from: Taught, example: Example, otherwise: HTMLElement): HTMLElement {
    const canvas = el("canvas", {});
    draw(canvas, example.picture.bitmap);
    const label = text.of(text.removePicture(example.picture.name), from.name);
    const onclick = (): void => {
      const at = from.examples.indexOf(example);
      const parent = button.parentElement!;
      from.examples.splice(at, 1);
      from.render();
      ((parent.children[at] ?? parent.lastElementChild ?? otherwise) as HTMLElement).focus();
    };
    const button = el("button", { type: "button", class: "thumb", "aria-label": label, title: label, onclick }, canvas);
    return button;
  }

  const teach = (): Promise<void> =>
    guarded(async () => {
      const used = trained();
      const features = used.flatMap(({ examples }) => examples.map(({ feature }) => feature));
      const labels = used.flatMap(({ examples }, i) => examples.map(() => i));
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
    const wanted = nameInput.value.trim();
    error.textContent = taught.some((each) => each.name === wanted) ? text.twice(wanted) : "";
    if (wanted === "") nameInput.focus();
    if (wanted === "" || error.textContent !== "") return;
    list.append(section(wanted));
    nameInput.value = "";
  };
  nameInput.addEventListener("keydown", (event) => event.key === "Enter" && addClass());

  const element = el(
    "section",
    { class: "below" },
    el("h2", {}, text.title),
    el("p", { class: "muted" }, text.intro),
    el(
      "div",
      { class: "row" },
      labelled(text.name, nameInput),
      el("button", { type: "button", id: "add-class", onclick: addClass }, text.add),
    ),
    list,
    view,
    el("div", { class: "row" }, learn, tryFile, chooser),
    status,
    answer,
    exported,
    error,
  );
  return { element, hidden: stop };
}
