import { fromStorageOrder } from "../../tensor/layout.ts";
import type { OpAttrs, PadShortcutAttrs, View } from "../backend.ts";
import { nchw } from "../pictures.ts";
import { floats } from "./view.ts";

/** y[n, before + c, i, j] = x[n, c, i·stride, j·stride]; the channels before and after are zeros. */
export function padShortcut(attrs: PadShortcutAttrs, inputs: readonly (View | null)[], outputs: readonly View[]): void {
  const x = floats(inputs[0]);
  const y = floats(outputs[0]);
  const [batch, c, h, w] = nchw(inputs[0]!.shape);
  const [, oc, oh, ow] = nchw(outputs[0]!.shape);
  y.fill(0);
  let to = attrs.before;
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < oh; i++) {
      for (let j = 0; j < ow; j++) {
        const from = ((n * h + i * attrs.stride) * w + j * attrs.stride) * c;
        y.set(x.subarray(from, from + c), to);
        to += oc;
      }
    }
  }
}

/** `value` all around, the picture in the middle. */
export function pad2d(attrs: OpAttrs["pad2d"], inputs: readonly (View | null)[], outputs: readonly View[]): void {
  const x = floats(inputs[0]);
  const y = floats(outputs[0]);
  const [batch, c, h, w] = nchw(inputs[0]!.shape);
  const [, , oh, ow] = nchw(outputs[0]!.shape);
  y.fill(attrs.value);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < h; i++) {
      const from = (n * h + i) * w * c;
      y.set(x.subarray(from, from + w * c), ((n * oh + attrs.top + i) * ow + attrs.left) * c);
    }
  }
}

/** Channels-last bytes to the row-major order of the shape. */
export function flatten(_attrs: OpAttrs["flatten"], inputs: readonly (View | null)[], outputs: readonly View[]): void {
  floats(outputs[0]).set(fromStorageOrder(floats(inputs[0]), inputs[0]!.shape));
}
