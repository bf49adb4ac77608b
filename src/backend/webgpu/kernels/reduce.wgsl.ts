/** y[i] = factor · sum over slices of partial[slice][i], in order. */
export const sumSlicesCode = /* wgsl */ `
struct Params { size: i32, width: i32, slices: i32, factor: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  var sum = 0.0;
  for (var slice = 0; slice < p.slices; slice++) { sum += partial[slice * p.size + at]; }
  y[at] = sum * p.factor;
}
`;

/** partial[slice] = the sum of the squares of one slice of x. */
export const squaresCode = /* wgsl */ `
struct Params { size: i32, perSlice: i32, slices: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let slice = i32(id.x);
  if (slice >= p.slices) { return; }
  var sum = 0.0;
  let end = min((slice + 1) * p.perSlice, p.size);
  for (var i = slice * p.perSlice; i < end; i++) { sum += x[i] * x[i]; }
  partial[slice] = sum;
}
`;
