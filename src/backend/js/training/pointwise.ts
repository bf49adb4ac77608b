import { exp, log } from "../../../tensor/math.ts";
import type { OpAttrs, View } from "../../backend.ts";
import { floats } from "../view.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

export function reluGrad(_attrs: object, inputs: Inputs, [dxView]: Outputs): void {
  const y = floats(inputs[0]);
  const dy = floats(inputs[1]);
  const dx = floats(dxView);
  for (let i = 0; i < dx.length; i++) dx[i] = y[i]! > 0 ? dy[i]! : 0;
}

export function softmaxGrad(attrs: OpAttrs["softmaxGrad"], inputs: Inputs, [dxView]: Outputs): void {
  const y = floats(inputs[0]);
  const dy = floats(inputs[1]);
  const dx = floats(dxView);
  const k = dxView!.shape[1]!;
  for (let from = 0; from < dx.length; from += k) {
    let sum = 0;
    for (let i = from; i < from + k; i++) sum += attrs.log ? dy[i]! : dy[i]! * y[i]!;
    for (let i = from; i < from + k; i++) dx[i] = attrs.log ? dy[i]! - exp(y[i]!) * sum : y[i]! * (dy[i]! - sum);
  }
}

/** Mean over the batch of −Σ target · log softmax(logits); targets are smoothed towards uniform (Szegedy et al. 2016). */
export function crossEntropy(attrs: OpAttrs["crossEntropy"], inputs: Inputs, outputs: Outputs): void {
  const logits = floats(inputs[0]);
  const target = floats(inputs[1]);
  const dlogits = floats(outputs[1]);
  const [n, k] = inputs[0]!.shape as [number, number];
  const soft = inputs[1]!.shape.length === 2;
  const { labelSmoothing } = attrs;
  let loss = 0;
  for (let row = 0; row < n; row++) {
    const from = row * k;
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < k; i++) if (!(logits[from + i]! <= largest)) largest = logits[from + i]!;
    let sum = 0;
    for (let i = 0; i < k; i++) sum += exp(logits[from + i]! - largest);
    const shift = largest + log(sum);
    let total = 0;
    for (let i = 0; i < k; i++) {
      const hard = soft ? target[from + i]! : target[row] === i ? 1 : 0;
      const t = hard * (1 - labelSmoothing) + labelSmoothing / k;
      total += t;
      if (t !== 0) loss -= t * (logits[from + i]! - shift);
    }
    for (let i = 0; i < k; i++) {
      const hard = soft ? target[from + i]! : target[row] === i ? 1 : 0;
      const t = hard * (1 - labelSmoothing) + labelSmoothing / k;
      dlogits[from + i] = (total * exp(logits[from + i]! - shift) - t) / n;
    }
  }
  floats(outputs[0])[0] = loss / n;
}

export function scaleBy(_attrs: object, inputs: Inputs, [yView]: Outputs): void {
  const x = floats(inputs[0]);
  const factor = floats(inputs[1])[0]!;
  const y = floats(yView);
  for (let i = 0; i < y.length; i++) y[i] = x[i]! * factor;
}

export function mul(_attrs: object, inputs: Inputs, [yView]: Outputs): void {
  const a = floats(inputs[0]);
  const b = floats(inputs[1]);
  const y = floats(yView);
  const each = y.length / b.length;
  for (let i = 0; i < y.length; i++) y[i] = a[i]! * b[Math.floor(i / each)]!;
}

export function sumSquares(_attrs: object, inputs: Inputs, [sView]: Outputs): void {
  let sum = 0;
  for (const v of floats(inputs[0])) sum += v * v;
  floats(sView)[0] = sum;
}
