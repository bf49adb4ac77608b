/** Softmax or its logarithm of each row, shifted by the largest value. One invocation per row. */
export const softmaxCode = /* wgsl */ `
struct Params { rows: i32, k: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<stored>;
@group(0) @binding(2) var<storage, read_write> y: array<stored>;
override logarithm: bool = false;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = i32(id.x);
  if (row >= p.rows) { return; }
  let from0 = row * p.k;
  var largest = f32(x[from0]);
  for (var i = 1; i < p.k; i++) { largest = max(largest, f32(x[from0 + i])); }
  var sum = 0.0;
  for (var i = 0; i < p.k; i++) { sum += exp(f32(x[from0 + i]) - largest); }
  let shift = largest + log(sum);
  for (var i = 0; i < p.k; i++) {
    var v = f32(x[from0 + i]);
    if (logarithm) { v -= shift; } else { v = exp(v - largest) / sum; }
    y[from0 + i] = stored(v);
  }
}
`;

/** dx of a softmax (or of its logarithm) from its output. */
export const softmaxGradCode = /* wgsl */ `
struct Params { rows: i32, k: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
override logarithm: bool = false;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = i32(id.x);
  if (row >= p.rows) { return; }
  let from0 = row * p.k;
  var sum = 0.0;
  for (var i = 0; i < p.k; i++) {
    if (logarithm) { sum += dy[from0 + i]; } else { sum += dy[from0 + i] * y[from0 + i]; }
  }
  for (var i = 0; i < p.k; i++) {
    let at = from0 + i;
    if (logarithm) { dx[at] = dy[at] - exp(y[at]) * sum; } else { dx[at] = y[at] * (dy[at] - sum); }
  }
}
`;

/** Each row's loss, -sum of target · log softmax, with smoothed targets (Szegedy et al. 2016), and its gradient divided by the batch. */
export const crossEntropyCode = /* wgsl */ `
struct Params { rows: i32, k: i32, smoothing: f32, soft: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> gradient: array<f32>;

fn labelOf(row: i32, i: i32) -> f32 {
  var hard = 0.0;
  if (p.soft != 0) { hard = labels[row * p.k + i]; } else if (i32(labels[row]) == i) { hard = 1.0; }
  return hard * (1.0 - p.smoothing) + p.smoothing / f32(p.k);
}

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = i32(id.x);
  if (row >= p.rows) { return; }
  let from0 = row * p.k;
  var largest = logits[from0];
  for (var i = 1; i < p.k; i++) { largest = max(largest, logits[from0 + i]); }
  var sum = 0.0;
  for (var i = 0; i < p.k; i++) { sum += exp(logits[from0 + i] - largest); }
  let rest = log(sum);
  var loss = 0.0;
  var total = 0.0;
  for (var i = 0; i < p.k; i++) {
    let t = labelOf(row, i);
    total += t;
    if (t != 0.0) { loss -= t * (logits[from0 + i] - largest - rest); }
  }
  losses[row] = loss;
  for (var i = 0; i < p.k; i++) {
    gradient[from0 + i] = (total * exp(logits[from0 + i] - largest) / sum - labelOf(row, i)) / f32(p.rows);
  }
}
`;
