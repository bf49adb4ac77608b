/**
 * The same sums as conv2d.wgsl for adapters with real workgroup memory: 256 invocations compute a tile of 64 rows and 64 columns
 * from slices of 16 channels that they load together; each keeps 4 rows and 4 columns in registers.
 */
export const conv2dSharedCode = /* wgsl */ `
struct Params {
  rows: i32, rowsPerFold: i32, folds: i32, columns: i32, column4: i32, channel4: i32,
  rowStride4: i32, yStride: i32,
  h: i32, w: i32, oh: i32, ow: i32, kernelH: i32, kernelW: i32,
  strideH: i32, strideW: i32, padH: i32, padW: i32, dilationH: i32, dilationW: i32,
  bias: i32, residual: i32, relu: i32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> a: array<stored4>;
@group(0) @binding(2) var<storage, read_write> b: array<stored4>;
@group(0) @binding(3) var<storage, read_write> y: array<stored>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> residual: array<stored>;

override transposed: bool = false;

// [row][channel / 4], one vec4 of padding per row against bank conflicts; [channel][column / 4].
var<workgroup> tileA: array<stored4, 64 * 5>;
var<workgroup> tileB: array<stored4, 16 * 16>;

fn source(row: i32, tapH: i32, tapW: i32) -> i32 {
  if (row >= p.rows) { return -1; }
  let n = row / (p.oh * p.ow);
  let within = row - n * p.oh * p.ow;
  var i = within / p.ow;
  var j = within - i * p.ow;
  if (transposed) {
    i += p.padH - tapH * p.dilationH;
    j += p.padW - tapW * p.dilationW;
    if (i < 0 || j < 0 || i % p.strideH != 0 || j % p.strideW != 0) { return -1; }
    i /= p.strideH;
    j /= p.strideW;
  } else {
    i = i * p.strideH - p.padH + tapH * p.dilationH;
    j = j * p.strideW - p.padW + tapW * p.dilationW;
  }
  if (i < 0 || i >= p.h || j < 0 || j >= p.w) { return -1; }
  return ((n * p.h + i) * p.w + j) * p.rowStride4;
}

fn store4(row: i32, column: i32, group: i32, sum: sum4) {
  let value = vec4f(sum);
  if (row >= p.rows) { return; }
  for (var lane = 0; lane < 4; lane++) {
    let c = column + lane;
    if (c >= p.columns) { return; }
    let at = row * p.yStride + group * p.columns + c;
    var v = value[lane];
    if (p.bias != 0) { v += bias[group * p.columns + c]; }
    if (p.residual != 0) { v += f32(residual[at]); }
    if (p.relu != 0 && v <= 0.0) { v = 0.0; }
    y[at] = stored(v);
  }
}

@compute @workgroup_size(16, 16) fn main(
  @builtin(workgroup_id) tile: vec3u,
  @builtin(local_invocation_id) lane: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let firstRow = i32(tile.z) % p.folds * p.rowsPerFold + i32(tile.y) * 64;
  let firstColumn4 = i32(tile.x) * 16;
  let group = i32(tile.z) / p.folds;
  let me = i32(index);
  let rowOfA = me / 4; // which row of a, and which vec4 of it, this invocation loads
  let partOfA = me % 4;
  let lineOfB = me / 16;
  let partOfB = me % 16;
  var s0 = sum4(); var s1 = sum4(); var s2 = sum4(); var s3 = sum4();
  let channels = 4 * p.channel4;
  var panel = group * p.kernelH * p.kernelW * channels * p.column4;
  for (var tapH = 0; tapH < p.kernelH; tapH++) {
    for (var tapW = 0; tapW < p.kernelW; tapW++) {
      let from0 = source(firstRow + rowOfA, tapH, tapW);
      for (var k = 0; k < p.channel4; k += 4) {
        var value = stored4();
        if (from0 >= 0 && k + partOfA < p.channel4) { value = a[from0 + group * p.channel4 + k + partOfA]; }
        tileA[rowOfA * 5 + partOfA] = value;
        value = stored4();
        if (4 * k + lineOfB < channels && firstColumn4 + partOfB < p.column4) {
          value = b[panel + (4 * k + lineOfB) * p.column4 + firstColumn4 + partOfB];
        }
        tileB[lineOfB * 16 + partOfB] = value;
        workgroupBarrier();
        let r = i32(lane.y) * 4 * 5;
        let c = i32(lane.x);
        for (var part = 0; part < 4; part++) {
          let a0 = sum4(tileA[r + part]);
          let a1 = sum4(tileA[r + 5 + part]);
          let a2 = sum4(tileA[r + 10 + part]);
          let a3 = sum4(tileA[r + 15 + part]);
          let b0 = sum4(tileB[part * 64 + c]);
          let b1 = sum4(tileB[part * 64 + 16 + c]);
          let b2 = sum4(tileB[part * 64 + 32 + c]);
          let b3 = sum4(tileB[part * 64 + 48 + c]);
          s0 = fma(sum4(a0.x), b0, s0); s1 = fma(sum4(a1.x), b0, s1); s2 = fma(sum4(a2.x), b0, s2); s3 = fma(sum4(a3.x), b0, s3);
          s0 = fma(sum4(a0.y), b1, s0); s1 = fma(sum4(a1.y), b1, s1); s2 = fma(sum4(a2.y), b1, s2); s3 = fma(sum4(a3.y), b1, s3);
          s0 = fma(sum4(a0.z), b2, s0); s1 = fma(sum4(a1.z), b2, s1); s2 = fma(sum4(a2.z), b2, s2); s3 = fma(sum4(a3.z), b2, s3);
          s0 = fma(sum4(a0.w), b3, s0); s1 = fma(sum4(a1.w), b3, s1); s2 = fma(sum4(a2.w), b3, s2); s3 = fma(sum4(a3.w), b3, s3);
        }
        workgroupBarrier();
      }
      panel += channels * p.column4;
    }
  }
  let row = firstRow + i32(lane.y) * 4;
  let column = 4 * (firstColumn4 + i32(lane.x));
  store4(row, column, group, s0);
  store4(row + 1, column, group, s1);
  store4(row + 2, column, group, s2);
  store4(row + 3, column, group, s3);
}
`;
