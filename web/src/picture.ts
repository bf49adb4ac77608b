import { el, message } from "./dom.ts";
import { strings } from "./strings.ts";

/** What a panel shows and classifies. */
export interface Picture {
  readonly name: string;
  /** Its bytes, as they were: the library decodes them to the same pixels everywhere. */
  readonly file: Blob;
  readonly bitmap: ImageBitmap;
}

/** Photographs of so many bytes have more pixels than a screen shows, and scaling all of them holds the page up. */
const large = 300_000;
const shown: ImageBitmapOptions = { resizeWidth: 960, resizeQuality: "low" };

/** Opens a picture. @throws Error for what is none, in words for people */
export async function openPicture(file: Blob, name: string): Promise<Picture> {
  try {
    return { name, file, bitmap: await createImageBitmap(file, file.size > large ? shown : {}) };
  } catch {
    const kind = file.type === "" ? "a file of an unknown kind" : file.type;
    throw new Error(`${name} is not a picture that this browser can open (${kind}, ${file.size} bytes).`);
  }
}

/** Pictures that come with the page; SAMPLES.md says whose they are. */
const samples = [
  ["cat.jpg", strings.picture.cat],
  ["horse.png", strings.picture.horse],
  ["rocket.jpg", strings.picture.rocket],
] as const;

export async function samplePicture(name: (typeof samples)[number][0] = "cat.jpg"): Promise<Picture> {
  const response = await fetch(new URL(`./${name}`, document.baseURI));
  if (!response.ok) throw new Error(`The sample picture ${name} could not be loaded (${response.status}).`);
  return openPicture(await response.blob(), name);
}

/** Draws a picture at its own size, at most 640 pixels wide. */
export function draw(canvas: HTMLCanvasElement, source: ImageBitmap | HTMLVideoElement): void {
  const [w, h] =
    source instanceof HTMLVideoElement ? [source.videoWidth, source.videoHeight] : [source.width, source.height];
  const scale = Math.min(1, 640 / w);
  canvas.width = Math.max(1, Math.round(w * scale));
  canvas.height = Math.max(1, Math.round(h * scale));
  canvas.getContext("2d")!.drawImage(source, 0, 0, canvas.width, canvas.height);
}

/** A place that takes pictures: dropped, pasted, chosen, or the sample. */
export function pictureInput(content: HTMLElement, take: (picture: Picture) => void, fail: (text: string) => void) {
  let latest: Promise<Picture> | undefined;
  const note = el("p", { role: "status", class: "muted" });
  /** What was chosen last is what is taken, whichever opens first. */
  const whenOpen = async (opening: Promise<Picture>): Promise<void> => {
    latest = opening;
    note.textContent = "";
    try {
      const picture = await opening;
      if (opening === latest) take(picture);
    } catch (error) {
      if (opening === latest) fail(message(error));
    }
  };
  const open = async (file: Blob | undefined | null, name: string): Promise<void> => {
    if (file) await whenOpen(openPicture(file, name));
  };
  const choose = el("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    onchange: () => {
      const file = choose.files?.[0];
      choose.value = "";
      void open(file, file?.name ?? "");
    },
  });
  const zone = el("div", { class: "drop" }, content);
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const files = event.dataTransfer?.files ?? [];
    if (files[0] === undefined) return fail(strings.picture.noFile);
    void open(files[0], files[0].name);
    if (files.length > 1) note.textContent = strings.picture.first(files[0].name, files.length);
  });
  document.addEventListener("paste", (event) => {
    if (!zone.isConnected) return;
    const file = [...(event.clipboardData?.files ?? [])][0];
    void open(file, file?.name || "the pasted picture");
  });
  const sample = (name?: Parameters<typeof samplePicture>[0]): Promise<void> => whenOpen(samplePicture(name));
  const buttons = [choose, el("button", { type: "button", onclick: () => choose.click() }, strings.picture.choose)];
  const others = el(
    "div",
    { class: "row", role: "group", "aria-label": strings.picture.samples },
    el("span", { class: "muted" }, strings.picture.samples),
    ...samples.map(([file, name]) =>
      el("button", { type: "button", class: "small", "data-sample": file, onclick: () => void sample(file) }, name),
    ),
  );
  return { zone, note, buttons, samples: others, sample };
}
