/** y = (x − mean) · (weight / sqrt(variance + eps)) + bias per channel, then ReLU. `inverse`: the fourth input is 1 / sqrt already. */
export const batchNormCode = /* wgsl */ `
struct Params { size: i32, width: i32, c: i32, eps: f32, weight: i32, bias: i32, relu: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<stored>;
@group(0) @binding(2) var<storage, read_write> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> variance: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<stored>;
override inverse: bool = false;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let c = at % p.c;
  var scale = variance[c];
  if (!inverse) { scale = 1.0 / sqrt(scale + p.eps); }
  if (p.weight != 0) { scale *= weight[c]; }
  var v = (f32(x[at]) - mean[c]) * scale;
  if (p.bias != 0) { v += bias[c]; }
  if (p.relu != 0 && v <= 0.0) { v = 0.0; }
  y[at] = stored(v);
}
`;

/**
 * Sums over all rows per channel, in slices: partial[slice][c], for `kind` 2 partial[slice][2][c].
 * kind 0: x. kind 1: (x − mean)². kind 2: dy and dy · (x − mean) · invstd, dy only where the ReLU let through.
 */
export const channelSumsCode = /* wgsl */ `
struct Params { rows: i32, perSlice: i32, slices: i32, c: i32, weight: i32, bias: i32, relu: i32, frozen: i32, eps: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;
@group(0) @binding(4) var<storage, read_write> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> invstd: array<f32>;
@group(0) @binding(6) var<storage, read_write> weight: array<f32>;
@group(0) @binding(7) var<storage, read_write> bias: array<f32>;
override kind: i32 = 0;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = i32(id.x);
  let slice = i32(id.y);
  if (c >= p.c) { return; }
  var first = 0.0;
  var second = 0.0;
  var middle = 0.0;
  var scale = 1.0;
  if (kind != 0) { middle = mean[c]; }
  if (kind == 2) {
    scale = invstd[c];
    if (p.frozen != 0) { scale = 1.0 / sqrt(scale + p.eps); }
  }
  let end = min((slice + 1) * p.perSlice, p.rows);
  for (var row = slice * p.perSlice; row < end; row++) {
    let v = x[row * p.c + c];
    if (kind == 0) {
      first += v;
    } else if (kind == 1) {
      first += (v - middle) * (v - middle);
    } else {
      let normal = (v - middle) * scale;
      var d = dy[row * p.c + c];
      if (p.relu != 0) {
        var y = normal;
        if (p.weight != 0) { y *= weight[c]; }
        if (p.bias != 0) { y += bias[c]; }
        if (y <= 0.0) { d = 0.0; }
      }
      first += d;
      second += d * normal;
    }
  }
  if (kind == 2) {
    partial[2 * slice * p.c + c] = first;
    partial[(2 * slice + 1) * p.c + c] = second;
  } else {
    partial[slice * p.c + c] = first;
  }
}
`;

/** Batch statistics from their sums: 1 / sqrt(variance + eps), and the running averages (unbiased variance, PyTorch's momentum). */
export const statisticsCode = /* wgsl */ `
struct Params { c: i32, rows: i32, eps: f32, momentum: f32, runningMean: i32, runningVariance: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> invstd: array<f32>; // holds the biased variance before
@group(0) @binding(3) var<storage, read_write> runningMean: array<f32>;
@group(0) @binding(4) var<storage, read_write> runningVariance: array<f32>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = i32(id.x);
  if (c >= p.c) { return; }
  let variance = invstd[c];
  let n = f32(p.rows);
  if (p.runningMean != 0) { runningMean[c] += p.momentum * (mean[c] - runningMean[c]); }
  if (p.runningVariance != 0) { runningVariance[c] += p.momentum * (variance * n / (n - 1.0) - runningVariance[c]); }
  invstd[c] = 1.0 / sqrt(variance + p.eps);
}
`;

/** dx of a batch norm from the two sums of channelSums (dbias, dweight); with `frozen` statistics only the factor. */
export const batchNormGradCode = /* wgsl */ `
struct Params { size: i32, width: i32, c: i32, rows: i32, weight: i32, bias: i32, relu: i32, frozen: i32, eps: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> invstd: array<f32>;
@group(0) @binding(5) var<storage, read_write> weight: array<f32>;
@group(0) @binding(6) var<storage, read_write> bias: array<f32>;
@group(0) @binding(7) var<storage, read_write> sums: array<f32>; // [2][c]: of dy, of dy · normalised x
@group(0) @binding(8) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let c = at % p.c;
  var scale = invstd[c];
  if (p.frozen != 0) { scale = 1.0 / sqrt(scale + p.eps); }
  let normal = (x[at] - mean[c]) * scale;
  var gain = 1.0;
  if (p.weight != 0) { gain = weight[c]; }
  var d = dy[at];
  if (p.relu != 0) {
    var y = normal * gain;
    if (p.bias != 0) { y += bias[c]; }
    if (y <= 0.0) { d = 0.0; }
  }
  if (p.frozen == 0) { d = d - (sums[c] + normal * sums[p.c + c]) / f32(p.rows); }
  dx[at] = d * gain * scale;
}
`;

/** The two sums of channelSums to the gradients of bias and weight. */
export const splitSumsCode = /* wgsl */ `
struct Params { c: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = i32(id.x);
  if (c >= p.c) { return; }
  dbias[c] = sums[c];
  dweight[c] = sums[p.c + c];
}
`;
