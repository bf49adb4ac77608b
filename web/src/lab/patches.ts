import { cropImage, type PreparedData, resizeImage, toImage } from "resnet-ts";

const size = 32;
const count = 512;

/**
 * A data set out of one photograph: patches of many sizes, turned by 0, 90, 180 or 270 degrees; the class is the turn (Gidaris et al.
 * 2018). Real pictures that a page has without a download.
 */
export async function patches(photograph: Blob): Promise<PreparedData> {
  const image = await toImage(photograph);
  const pixels = new Uint8Array(count * size * size * 3);
  const labels = new Uint16Array(count);
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const smallest = Math.min(image.width, image.height);
  for (let i = 0; i < count; i++) {
    const side = Math.floor(smallest / 3) + random(Math.floor(smallest / 2));
    const left = random(image.width - side);
    const top = random(image.height - side);
    const patch = resizeImage(cropImage(image, { left, top, width: side, height: side }), size, size, "bilinear");
    const turn = random(4);
    labels[i] = turn;
    turned(patch.data, patch.channels, turn, pixels.subarray(i * size * size * 3));
  }
  return {
    length: count,
    channels: 3,
    height: size,
    width: size,
    pixels,
    labels,
    classes: ["0°", "90°", "180°", "270°"],
  };
}

function turned(from: ArrayLike<number>, channels: number, turn: number, to: Uint8Array): void {
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      let [sx, sy] = [x, y];
      for (let t = 0; t < turn; t++) [sx, sy] = [sy, size - 1 - sx];
      for (let c = 0; c < 3; c++)
        to[(y * size + x) * 3 + c] = from[(sy * size + sx) * channels + Math.min(c, channels - 1)]!;
    }
  }
}
