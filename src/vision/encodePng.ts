import { deflate } from "#images";
import { join } from "../platform/readAtMost.ts";
import { checkImage, type RawImage } from "./image.ts";
import { crc32, paeth } from "./png.ts";

const colorTypes = { 1: 0, 3: 2, 4: 6 } as const;

/** A PNG file of an image: 8 bits, grey, RGB or RGBA. */
export async function encodePng(image: RawImage): Promise<Uint8Array> {
  checkImage(image, "encodePng");
  const { width, height, channels } = image;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, colorTypes[channels], 0, 0, 0], 8);
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const pixels = await deflate(filtered(image));
  return join([signature, chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", new Uint8Array())]);
}

/** Every row by the Paeth filter, which suits pictures of the world best. */
function filtered({ data, width, height, channels }: RawImage): Uint8Array {
  const stride = width * channels;
  const out = new Uint8Array(height * (stride + 1));
  for (let y = 0, o = 0; y < height; y++) {
    out[o++] = 4;
    const row = y * stride;
    for (let i = 0; i < stride; i++) {
      const a = i >= channels ? data[row + i - channels]! : 0;
      const b = y > 0 ? data[row + i - stride]! : 0;
      const c = i >= channels && y > 0 ? data[row + i - stride - channels]! : 0;
      out[o++] = data[row + i]! - paeth(a, b, c);
    }
  }
  return out;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}
