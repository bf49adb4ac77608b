/**
 * Implicit GEMM for everything that is a sum over taps and channels: conv2d, its input gradient (`transposed`), linear and its
 * input gradient. Rows are output pixels, columns output channels of one group (workgroup z), k runs over taps, then channels.
 *
 * One invocation keeps a tile of 4 rows and 8 columns in registers: without workgroup memory, which a CPU adapter emulates
 * badly, 4x8 was the fastest of 4x4, 4x8, 8x4, 8x8 and 8x16 on SwiftShader (1024 x 256 x 576: 109 ms, 8x8 113, 4x4 176).
 * `a` has channels padded to 4 (pad.wgsl); `b` is packed as [group][tap][channel][column padded to 4] (pack.wgsl).
 */
export const conv2dCode = /* wgsl */ `
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

// The input gradient: an output pixel takes from those pixels of dy whose window covers it.
override transposed: bool = false;

struct Row { picture: i32, top: i32, left: i32 }

fn rowAt(index: i32) -> Row {
  let pixel = min(index, p.rows - 1);
  let n = pixel / (p.oh * p.ow);
  let within = pixel - n * p.oh * p.ow;
  let i = within / p.ow;
  let j = within - i * p.ow;
  if (transposed) { return Row(n * p.h, i + p.padH, j + p.padW); }
  return Row(n * p.h, i * p.strideH - p.padH, j * p.strideW - p.padW);
}

// Where the pixel under a tap lies in a, in vec4; -1 outside the picture.
fn source(r: Row, tapH: i32, tapW: i32) -> i32 {
  var i = r.top;
  var j = r.left;
  if (transposed) {
    i -= tapH * p.dilationH;
    j -= tapW * p.dilationW;
    if (i < 0 || j < 0 || i % p.strideH != 0 || j % p.strideW != 0) { return -1; }
    i /= p.strideH;
    j /= p.strideW;
  } else {
    i += tapH * p.dilationH;
    j += tapW * p.dilationW;
  }
  if (i < 0 || i >= p.h || j < 0 || j >= p.w) { return -1; }
  return ((r.picture + i) * p.w + j) * p.rowStride4;
}

fn store4(row: i32, column: i32, group: i32, sum: sum4) {
  let value = vec4f(sum);
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

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = i32(id.z) % p.folds * p.rowsPerFold + i32(id.y) * 4;
  let column4 = i32(id.x) * 2;
  let group = i32(id.z) / p.folds;
  if (row >= p.rows || column4 >= p.column4) { return; }
  let second = min(column4 + 1, p.column4 - 1);
  let row0 = rowAt(row);
  let row1 = rowAt(row + 1);
  let row2 = rowAt(row + 2);
  let row3 = rowAt(row + 3);
  var s00 = sum4(); var s01 = sum4();
  var s10 = sum4(); var s11 = sum4();
  var s20 = sum4(); var s21 = sum4();
  var s30 = sum4(); var s31 = sum4();
  let channels = 4 * p.channel4;
  var panel = group * p.kernelH * p.kernelW * channels * p.column4;
  for (var tapH = 0; tapH < p.kernelH; tapH++) {
    for (var tapW = 0; tapW < p.kernelW; tapW++) {
      let from0 = source(row0, tapH, tapW);
      let from1 = source(row1, tapH, tapW);
      let from2 = source(row2, tapH, tapW);
      let from3 = source(row3, tapH, tapW);
      if (max(max(from0, from1), max(from2, from3)) >= 0) {
        let here = group * p.channel4;
        for (var k = 0; k < p.channel4; k++) {
          let a0 = sum4(select(stored4(), a[max(from0, 0) + here + k], from0 >= 0));
          let a1 = sum4(select(stored4(), a[max(from1, 0) + here + k], from1 >= 0));
          let a2 = sum4(select(stored4(), a[max(from2, 0) + here + k], from2 >= 0));
          let a3 = sum4(select(stored4(), a[max(from3, 0) + here + k], from3 >= 0));
          let line = panel + 4 * k * p.column4;
          var b0 = sum4(b[line + column4]);
          var b1 = sum4(b[line + second]);
          s00 = fma(sum4(a0.x), b0, s00); s01 = fma(sum4(a0.x), b1, s01);
          s10 = fma(sum4(a1.x), b0, s10); s11 = fma(sum4(a1.x), b1, s11);
          s20 = fma(sum4(a2.x), b0, s20); s21 = fma(sum4(a2.x), b1, s21);
          s30 = fma(sum4(a3.x), b0, s30); s31 = fma(sum4(a3.x), b1, s31);
          b0 = sum4(b[line + p.column4 + column4]);
          b1 = sum4(b[line + p.column4 + second]);
          s00 = fma(sum4(a0.y), b0, s00); s01 = fma(sum4(a0.y), b1, s01);
          s10 = fma(sum4(a1.y), b0, s10); s11 = fma(sum4(a1.y), b1, s11);
          s20 = fma(sum4(a2.y), b0, s20); s21 = fma(sum4(a2.y), b1, s21);
          s30 = fma(sum4(a3.y), b0, s30); s31 = fma(sum4(a3.y), b1, s31);
          b0 = sum4(b[line + 2 * p.column4 + column4]);
          b1 = sum4(b[line + 2 * p.column4 + second]);
          s00 = fma(sum4(a0.z), b0, s00); s01 = fma(sum4(a0.z), b1, s01);
          s10 = fma(sum4(a1.z), b0, s10); s11 = fma(sum4(a1.z), b1, s11);
          s20 = fma(sum4(a2.z), b0, s20); s21 = fma(sum4(a2.z), b1, s21);
          s30 = fma(sum4(a3.z), b0, s30); s31 = fma(sum4(a3.z), b1, s31);
          b0 = sum4(b[line + 3 * p.column4 + column4]);
          b1 = sum4(b[line + 3 * p.column4 + second]);
          s00 = fma(sum4(a0.w), b0, s00); s01 = fma(sum4(a0.w), b1, s01);
          s10 = fma(sum4(a1.w), b0, s10); s11 = fma(sum4(a1.w), b1, s11);
          s20 = fma(sum4(a2.w), b0, s20); s21 = fma(sum4(a2.w), b1, s21);
          s30 = fma(sum4(a3.w), b0, s30); s31 = fma(sum4(a3.w), b1, s31);
        }
      }
      panel += channels * p.column4;
    }
  }
  let c0 = 4 * column4;
  let c1 = c0 + 4;
  store4(row, c0, group, s00); store4(row, c1, group, s01);
  if (row + 1 < p.rows) { store4(row + 1, c0, group, s10); store4(row + 1, c1, group, s11); }
  if (row + 2 < p.rows) { store4(row + 2, c0, group, s20); store4(row + 2, c1, group, s21); }
  if (row + 3 < p.rows) { store4(row + 3, c0, group, s30); store4(row + 3, c1, group, s31); }
}
`;
