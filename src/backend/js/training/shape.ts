import type { OpAttrs, View } from "../../backend.ts";
import { nchw } from "../../pictures.ts";
import { floats } from "../view.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

export function padShortcutGrad(attrs: OpAttrs["padShortcutGrad"], [dyView]: Inputs, [dxView]: Outputs): void {
  const dy = floats(dyView);
  const dx = floats(dxView);
  const [batch, oc, oh, ow] = nchw(dyView!.shape);
  const [, c, h, w] = nchw(dxView!.shape);
  dx.fill(0);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < oh; i++) {
      for (let j = 0; j < ow; j++) {
        const from = ((n * oh + i) * ow + j) * oc + attrs.before;
        dx.set(dy.subarray(from, from + c), ((n * h + i * attrs.stride) * w + j * attrs.stride) * c);
      }
    }
  }
}

export function crop2d(attrs: OpAttrs["crop2d"], [dyView]: Inputs, [dxView]: Outputs): void {
  const dy = floats(dyView);
  const dx = floats(dxView);
  const [, , oh, ow] = nchw(dyView!.shape);
  const [batch, c, h, w] = nchw(dxView!.shape);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < h; i++) {
      const from = ((n * oh + i + attrs.top) * ow + attrs.left) * c;
      dx.set(dy.subarray(from, from + w * c), (n * h + i) * w * c);
    }
  }
}

export function unflatten(_attrs: object, [dyView]: Inputs, [dxView]: Outputs): void {
  const dy = floats(dyView);
  const dx = floats(dxView);
  const [batch, c, h, w] = nchw(dxView!.shape);
  for (let n = 0; n < batch; n++) {
    for (let ch = 0; ch < c; ch++) {
      for (let p = 0; p < h * w; p++) dx[(n * h * w + p) * c + ch] = dy[(n * c + ch) * h * w + p]!;
    }
  }
}
