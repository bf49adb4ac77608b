/**
 * Winograd's F(2x2, 3x3) (Lavin and Gray, arXiv 1509.09308): four outputs of a 3x3 filter from 16 products instead of 36. A tile of 4x4
 * pixels becomes 16 numbers per channel (`winogradInput`), each is multiplied with the like of the filter (`conv2d` with 16 groups, a tile is
 * its pixel), and 16 sums become 2x2 outputs (`winogradOutput`).
 */
export const winogradInputCode = /* wgsl */ `
struct Params { size: i32, width: i32, channel4: i32, h: i32, w: i32, tilesH: i32, tilesW: i32, padH: i32, padW: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> v: array<vec4f>; // [tile][16][channel / 4]

fn pixel(n: i32, i: i32, j: i32, c: i32) -> vec4f {
  let inside = i >= 0 && i < p.h && j >= 0 && j < p.w;
  let at = ((n * p.h + clamp(i, 0, p.h - 1)) * p.w + clamp(j, 0, p.w - 1)) * p.channel4 + c;
  return select(vec4f(), x[at], inside);
}

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let c = at % p.channel4;
  let tile = at / p.channel4;
  let left = 2 * (tile % p.tilesW) - p.padW;
  let rest = tile / p.tilesW;
  let top = 2 * (rest % p.tilesH) - p.padH;
  let n = rest / p.tilesH;
  var t: array<vec4f, 16>;
  for (var j = 0; j < 4; j++) {
    let d0 = pixel(n, top, left + j, c);
    let d1 = pixel(n, top + 1, left + j, c);
    let d2 = pixel(n, top + 2, left + j, c);
    let d3 = pixel(n, top + 3, left + j, c);
    t[j] = d0 - d2;
    t[4 + j] = d1 + d2;
    t[8 + j] = d2 - d1;
    t[12 + j] = d1 - d3;
  }
  let to = tile * 16 * p.channel4 + c;
  for (var i = 0; i < 16; i += 4) {
    v[to + i * p.channel4] = t[i] - t[i + 2];
    v[to + (i + 1) * p.channel4] = t[i + 1] + t[i + 2];
    v[to + (i + 2) * p.channel4] = t[i + 2] - t[i + 1];
    v[to + (i + 3) * p.channel4] = t[i + 1] - t[i + 3];
  }
}
`;

/** Weights [outputs][3x3][inputs] to [16][channel padded][column padded]; turned round for the input gradient (`transposed`). */
export const winogradFilterCode = /* wgsl */ `
struct Params { size: i32, width: i32, channels: i32, columns: i32, columnsPadded: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> u: array<f32>;
override transposed: bool = false;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let column = at % p.columnsPadded;
  let channel = at / p.columnsPadded;
  var t: array<f32, 12>; // four rows of three
  for (var j = 0; j < 3; j++) {
    var g = vec3f();
    if (column < p.columns && channel < p.channels) {
      for (var i = 0; i < 3; i++) {
        if (transposed) {
          g[i] = w[(channel * 9 + 8 - 3 * i - j) * p.columns + column];
        } else {
          g[i] = w[(column * 9 + 3 * i + j) * p.channels + channel];
        }
      }
    }
    t[j] = g.x;
    t[3 + j] = 0.5 * (g.x + g.y + g.z);
    t[6 + j] = 0.5 * (g.x - g.y + g.z);
    t[9 + j] = g.z;
  }
  for (var i = 0; i < 4; i++) {
    let g = vec3f(t[3 * i], t[3 * i + 1], t[3 * i + 2]);
    u[4 * i * p.size + at] = g.x;
    u[(4 * i + 1) * p.size + at] = 0.5 * (g.x + g.y + g.z);
    u[(4 * i + 2) * p.size + at] = 0.5 * (g.x - g.y + g.z);
    u[(4 * i + 3) * p.size + at] = g.z;
  }
}
`;

export const winogradOutputCode = /* wgsl */ `
struct Params {
  size: i32, width: i32, columns: i32, column4: i32, oh: i32, ow: i32, tilesH: i32, tilesW: i32,
  bias: i32, residual: i32, relu: i32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> m: array<vec4f>; // [tile][16][column / 4]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> residual: array<f32>;

fn store4(n: i32, i: i32, j: i32, column: i32, value: vec4f) {
  if (i >= p.oh || j >= p.ow) { return; }
  for (var lane = 0; lane < 4; lane++) {
    let c = column + lane;
    if (c >= p.columns) { return; }
    let at = ((n * p.oh + i) * p.ow + j) * p.columns + c;
    var v = value[lane];
    if (p.bias != 0) { v += bias[c]; }
    if (p.residual != 0) { v += residual[at]; }
    if (p.relu != 0 && v <= 0.0) { v = 0.0; }
    y[at] = v;
  }
}

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let c = at % p.column4;
  let tile = at / p.column4;
  let j = 2 * (tile % p.tilesW);
  let rest = tile / p.tilesW;
  let i = 2 * (rest % p.tilesH);
  let n = rest / p.tilesH;
  var t: array<vec4f, 8>; // two rows of four
  let from0 = tile * 16 * p.column4 + c;
  for (var k = 0; k < 4; k++) {
    let m0 = m[from0 + k * p.column4];
    let m1 = m[from0 + (4 + k) * p.column4];
    let m2 = m[from0 + (8 + k) * p.column4];
    let m3 = m[from0 + (12 + k) * p.column4];
    t[k] = m0 + m1 + m2;
    t[4 + k] = m1 - m2 - m3;
  }
  store4(n, i, j, 4 * c, t[0] + t[1] + t[2]);
  store4(n, i, j + 1, 4 * c, t[1] - t[2] - t[3]);
  store4(n, i + 1, j, 4 * c, t[4] + t[5] + t[6]);
  store4(n, i + 1, j + 1, 4 * c, t[5] - t[6] - t[7]);
}
`;
