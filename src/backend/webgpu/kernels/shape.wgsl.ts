/**
 * Ops that only move pixels: y[n, i, j, c] = x[n, (i + top) · up / down, …, c + channel] where that is a whole position inside x, else
 * `value`. Shortcut by padding: up = stride. Its gradient: down = stride. pad2d and crop2d: offsets.
 */
export const remapCode = /* wgsl */ `
struct Params {
  size: i32, width: i32, c: i32, oh: i32, ow: i32, fromC: i32, h: i32, w: i32,
  up: i32, down: i32, top: i32, left: i32, channel: i32, value: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<stored>;
@group(0) @binding(2) var<storage, read_write> y: array<stored>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let c = at % p.c + p.channel;
  var rest = at / p.c;
  var j = (rest % p.ow + p.left) * p.up;
  rest /= p.ow;
  var i = (rest % p.oh + p.top) * p.up;
  let n = rest / p.oh;
  var value = stored(p.value);
  if (i >= 0 && j >= 0 && i % p.down == 0 && j % p.down == 0) {
    i /= p.down;
    j /= p.down;
    if (i < p.h && j < p.w && c >= 0 && c < p.fromC) { value = x[((n * p.h + i) * p.w + j) * p.fromC + c]; }
  }
  y[at] = value;
}
`;

/** Each picture's [rows][columns] to [columns][rows]: flatten (pixels x channels to channels x pixels) and its inverse. */
export const transposeCode = /* wgsl */ `
struct Params { size: i32, width: i32, rows: i32, columns: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<stored>;
@group(0) @binding(2) var<storage, read_write> y: array<stored>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let n = at / (p.rows * p.columns);
  let within = at - n * p.rows * p.columns;
  let column = within / p.rows;
  let row = within - column * p.rows;
  y[at] = x[n * p.rows * p.columns + row * p.columns + column];
}
`;
