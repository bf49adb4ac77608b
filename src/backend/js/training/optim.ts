import type { OpAttrs, View } from "../../backend.ts";
import { floats } from "../view.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

/** torch.optim.SGD: decay joins the gradient, v = momentum · v + (1 − dampening) · g, p −= lr · (nesterov ? g + momentum · v : v). */
export function sgd(attrs: OpAttrs["sgd"], inputs: Inputs, outputs: Outputs): void {
  const grad = floats(inputs[0]);
  const [p, velocity] = outputs.map(floats) as [Float32Array, Float32Array];
  const { lr, momentum, dampening, weightDecay, nesterov, first } = attrs;
  for (let i = 0; i < p.length; i++) {
    const g = grad[i]! + weightDecay * p[i]!;
    const v = first ? g : momentum * velocity[i]! + (1 - dampening) * g;
    if (momentum !== 0) velocity[i] = v;
    p[i] = p[i]! - lr * (momentum === 0 ? g : nesterov ? g + momentum * v : v);
  }
}

/** torch.optim.AdamW (Loshchilov and Hutter 2019): decay is apart from the gradient. */
export function adamW(attrs: OpAttrs["adamW"], inputs: Inputs, outputs: Outputs): void {
  const grad = floats(inputs[0]);
  const [p, m, v] = outputs.map(floats) as [Float32Array, Float32Array, Float32Array];
  const { lr, beta1, beta2, eps, weightDecay, correction1, correction2 } = attrs;
  for (let i = 0; i < p.length; i++) {
    const g = grad[i]!;
    m[i] = beta1 * m[i]! + (1 - beta1) * g;
    v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
    const decayed = p[i]! * (1 - lr * weightDecay);
    p[i] = decayed - ((lr / correction1) * m[i]!) / (Math.sqrt(v[i]! / correction2) + eps);
  }
}

/** y += (x − y) · weight: exponential moving averages. */
export function lerp(attrs: OpAttrs["lerp"], inputs: Inputs, [yView]: Outputs): void {
  const x = floats(inputs[0]);
  const y = floats(yView);
  for (let i = 0; i < y.length; i++) y[i] = y[i]! + (x[i]! - y[i]!) * attrs.weight;
}
