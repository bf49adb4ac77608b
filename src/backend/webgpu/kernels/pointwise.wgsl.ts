/**
 * Ops that look at one value of each input. kind 0: relu(a). 1: a + b (then ReLU). 2: a · factor. 3: a · b[0]. 4: a · b[i / each].
 * 5: b where a > 0, else 0 (gradient of ReLU from its output). 6: y + (a − y) · factor.
 */
export const pointwiseCode = /* wgsl */ `
struct Params { size: i32, width: i32, relu: i32, each: i32, factor: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> y: array<stored>;
@group(0) @binding(2) var<storage, read_write> a: array<stored>;
@group(0) @binding(3) var<storage, read_write> b: array<stored>;
override kind: i32 = 0;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  var v = f32(a[at]);
  if (kind == 1) { v += f32(b[at]); }
  if (kind == 2) { v *= p.factor; }
  if (kind == 3) { v *= f32(b[0]); }
  if (kind == 4) { v *= f32(b[at / p.each]); }
  if (kind == 5) { v = select(0.0, f32(b[at]), v > 0.0); }
  if (kind == 6) { v = f32(y[at]) + (v - f32(y[at])) * p.factor; }
  if ((kind == 0 || p.relu != 0) && v <= 0.0) { v = 0.0; }
  y[at] = stored(v);
}
`;

/** torch.optim.SGD: decay joins the gradient, v = momentum · v + (1 − dampening) · g, p −= lr · (nesterov ? g + momentum · v : v). */
export const sgdCode = /* wgsl */ `
struct Params { size: i32, width: i32, lr: f32, momentum: f32, keep: f32, decay: f32, nesterov: i32, first: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(3) var<storage, read_write> velocity: array<f32>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let g = grad[at] + p.decay * parameter[at];
  var v = g;
  var step = g;
  if (p.momentum != 0.0) {
    if (p.first == 0) { v = p.momentum * velocity[at] + p.keep * g; }
    velocity[at] = v;
    step = v;
    if (p.nesterov != 0) { step = g + p.momentum * v; }
  }
  parameter[at] -= p.lr * step;
}
`;

/** torch.optim.AdamW (Loshchilov and Hutter 2019): decay is apart from the gradient. */
export const adamWCode = /* wgsl */ `
struct Params {
  size: i32, width: i32, rate: f32, beta1: f32, rest1: f32, beta2: f32, rest2: f32, eps: f32, keep: f32, correction2: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(3) var<storage, read_write> m: array<f32>;
@group(0) @binding(4) var<storage, read_write> v: array<f32>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let g = grad[at];
  m[at] = p.beta1 * m[at] + p.rest1 * g;
  v[at] = p.beta2 * v[at] + p.rest2 * g * g;
  parameter[at] = parameter[at] * p.keep - p.rate * m[at] / (sqrt(v[at] / p.correction2) + p.eps);
}
`;
