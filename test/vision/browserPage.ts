// Runs in a browser: bundled and served by browser.test.ts, which checks what this sends back.
import { decodeImage } from "../../src/vision/decode.ts";
import { encodePng } from "../../src/vision/encodePng.ts";
import { type RawImage, toRgb } from "../../src/vision/image.ts";
import { type ImageInput, toImage } from "../../src/vision/toImage.ts";

/** What Node made of a file. */
export interface Expected {
  readonly name: string;
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly rgb: string;
}

/** For each picture the largest difference to Node's pixels, or what went wrong. */
export type Report = Record<string, number | string>;

const bytes = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

function difference(image: RawImage, expected: Expected): number | string {
  const { data, width, height } = toRgb(image);
  if (width !== expected.width || height !== expected.height) return `is ${width}x${height}`;
  const rgb = bytes(expected.rgb);
  return rgb.reduce((max, v, i) => Math.max(max, Math.abs(v - data[i]!)), 0);
}

async function loaded(url: string, density?: number): Promise<HTMLImageElement> {
  const image = new Image();
  if (density === undefined) image.src = url;
  else image.srcset = `${url} ${density}x`;
  await image.decode();
  return image;
}

/** The same picture as everything that a page can have it as. */
async function forms(file: Uint8Array<ArrayBuffer>): Promise<Record<string, () => Promise<unknown>>> {
  const blob = new Blob([file], { type: "image/png" });
  const bitmap = await createImageBitmap(blob);
  const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
  const context = canvas.getContext("2d")!;
  context.drawImage(bitmap, 0, 0);
  const offscreen = new OffscreenCanvas(bitmap.width, bitmap.height);
  offscreen.getContext("2d")!.drawImage(bitmap, 0, 0);
  const renderer = new OffscreenCanvas(bitmap.width, bitmap.height);
  renderer.getContext("bitmaprenderer")!.transferFromImageBitmap(await createImageBitmap(blob));
  const url = URL.createObjectURL(blob);
  // A page need not be isolated for this kind of shared memory.
  const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const shared = new Uint8Array(buffer, 5, file.length);
  shared.set(file);
  return {
    shared: async () => shared,
    blob: async () => blob,
    file: async () => new File([blob], "x.png"),
    buffer: async () => file.buffer,
    url: async () => url,
    bitmap: async () => bitmap,
    canvas: async () => canvas,
    offscreen: async () => offscreen,
    bitmaprenderer: async () => renderer,
    imageData: async () => context.getImageData(0, 0, canvas.width, canvas.height),
    image: () => loaded(url),
    imageForDenserScreens: () => loaded(url, 2),
    imageOfOtherSize: async () => Object.assign(await loaded(url), { width: 5, height: 5 }),
    ...(typeof VideoFrame === "function" ? { videoFrame: async () => new VideoFrame(canvas, { timestamp: 0 }) } : {}),
  };
}

/** Found only by the engine's decoder: the structure is whole. */
function withoutHuffmanTable(jpeg: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = jpeg.findIndex((b, i) => b === 0xff && jpeg[i + 1] === 0xc4);
  return jpeg.fill(0xff, at + 5, at + 21);
}

async function run(): Promise<Report> {
  const list = (await (await fetch("/expected")).json()) as Expected[];
  const report: Report = {};
  const check = async (name: string, expected: Expected, make: () => Promise<RawImage>) => {
    try {
      report[name] = difference(await make(), expected);
    } catch (error) {
      report[name] = String(error);
    }
  };
  for (const expected of list)
    await check(expected.name, expected, () => decodeImage(bytes(expected.file), expected.name));
  const picture = list.find(({ name }) => name === "rgb8.png")!;
  for (const [name, make] of Object.entries(await forms(bytes(picture.file)))) {
    await check(`as ${name}`, picture, async () => toImage((await make()) as ImageInput));
  }
  const wide = new OffscreenCanvas(1, 1);
  const pen = wide.getContext("2d", { colorSpace: "display-p3" })!;
  pen.fillStyle = "rgb(200 100 50)";
  pen.fillRect(0, 0, 1, 1);
  const rgb = btoa(String.fromCharCode(200, 100, 50));
  await check("wide colours", { name: "", file: "", width: 1, height: 1, rgb }, async () => toImage(wide));
  const turned = list.find(({ name }) => name === "orientation6.jpg")!;
  const url = URL.createObjectURL(new Blob([bytes(turned.file)], { type: "image/jpeg" }));
  await check("as a turned image", turned, async () => toImage(await loaded(url)));
  const image: RawImage = { data: bytes(picture.rgb), width: picture.width, height: picture.height, channels: 3 };
  await check("PNG written here", picture, async () => decodeImage(await encodePng(image)));
  for (const [name, input] of [
    ["error: unloaded image", new Image()],
    ["error: text", new Blob(["hello"])],
    ["error: truncated JPEG", bytes(turned.file).subarray(0, 500)],
    ["error: damaged JPEG", withoutHuffmanTable(bytes(turned.file))],
  ] as const) {
    report[name] = await toImage(input).then(
      () => "gave a picture",
      (error: Error) => `${error.name}: ${error.message}`,
    );
  }
  return report;
}

void run()
  .catch((error: unknown): Report => ({ crashed: String(error) }))
  .then((report) => fetch("/report", { method: "POST", body: JSON.stringify(report) }));
