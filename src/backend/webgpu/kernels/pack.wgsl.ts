/**
 * Weights [outputs][taps][inputs of the group] to the panels that conv2d.wgsl reads: [group][tap][channel padded][column padded].
 * Forward, channels are inputs and columns outputs; for the input gradient (`transposed`) the other way round. Padding is zero.
 */
export const packCode = /* wgsl */ `
struct Params { size: i32, taps: i32, channels: i32, channelsPadded: i32, columns: i32, columnsPadded: i32, width: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<stored>;
override transposed: bool = false;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let column = at % p.columnsPadded;
  let line = at / p.columnsPadded;
  let channel = line % p.channelsPadded;
  let tap = (line / p.channelsPadded) % p.taps;
  let group = line / p.channelsPadded / p.taps;
  var value = 0.0;
  if (column < p.columns && channel < p.channels) {
    if (transposed) {
      value = w[((group * p.channels + channel) * p.taps + tap) * p.columns + column];
    } else {
      value = w[((group * p.columns + column) * p.taps + tap) * p.channels + channel];
    }
  }
  packed[at] = stored(value);
}
`;

/** Numbers of 32 bits to those of 16 that an f16 network keeps. */
export const narrowCode = /* wgsl */ `
struct Params { size: i32, width: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<stored>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at < p.size) { y[at] = stored(x[at]); }
}
`;

/** And back. */
export const widenCode = /* wgsl */ `
struct Params { size: i32, width: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<stored>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at < p.size) { y[at] = f32(x[at]); }
}
`;

/** Rows of `from` values to rows of `to` values, zeros behind: channels of each group padded to a multiple of 4. */
export const padCode = /* wgsl */ `
struct Params { size: i32, fromLength: i32, toLength: i32, width: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<stored>;
@group(0) @binding(2) var<storage, read_write> y: array<stored>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let row = at / p.toLength;
  let i = at - row * p.toLength;
  var value = stored();
  if (i < p.fromLength) { value = x[row * p.fromLength + i]; }
  y[at] = value;
}
`;
