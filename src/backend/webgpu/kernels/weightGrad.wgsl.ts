/**
 * dw[o][tap][c] = sum over pixels of dy[pixel][o] · x[pixel under the tap][c]. Workgroup z is tap, slice of pixels and group at
 * once; each slice has a sum of its own in `partial`, added up in order afterwards (sumSlices), so that the result does not depend on
 * how the device schedules. One invocation computes 8 outputs and 8 channels. Both inputs have channels padded to 4.
 */
export const weightGradCode = /* wgsl */ `
struct Params {
  rows: i32, perSlice: i32, slices: i32, groups: i32,
  outputs: i32, output4: i32, dyStride4: i32,
  channels: i32, channel4: i32, xStride4: i32,
  h: i32, w: i32, oh: i32, ow: i32, kernelH: i32, kernelW: i32,
  strideH: i32, strideW: i32, padH: i32, padW: i32, dilationH: i32, dilationW: i32,
  total: i32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

fn store4(slice: i32, o: i32, tap: i32, group: i32, channel: i32, value: vec4f) {
  if (o >= p.outputs) { return; }
  for (var lane = 0; lane < 4; lane++) {
    let c = channel + lane;
    if (c >= p.channels) { return; }
    partial[slice * p.total + ((group * p.outputs + o) * p.kernelH * p.kernelW + tap) * p.channels + c] = value[lane];
  }
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel4 = i32(id.x) * 2;
  let output4 = i32(id.y) * 2;
  let taps = p.kernelH * p.kernelW;
  let tap = i32(id.z) % taps;
  let slice = (i32(id.z) / taps) % p.slices;
  let group = i32(id.z) / taps / p.slices;
  if (channel4 >= p.channel4 || output4 >= p.output4 || group >= p.groups) { return; }
  let channelB = min(channel4 + 1, p.channel4 - 1);
  let outputB = min(output4 + 1, p.output4 - 1);
  let tapH = tap / p.kernelW;
  let tapW = tap - tapH * p.kernelW;
  var s00 = vec4f(); var s01 = vec4f(); var s10 = vec4f(); var s11 = vec4f();
  var s20 = vec4f(); var s21 = vec4f(); var s30 = vec4f(); var s31 = vec4f();
  var s40 = vec4f(); var s41 = vec4f(); var s50 = vec4f(); var s51 = vec4f();
  var s60 = vec4f(); var s61 = vec4f(); var s70 = vec4f(); var s71 = vec4f();
  let end = min((slice + 1) * p.perSlice, p.rows);
  for (var row = slice * p.perSlice; row < end; row++) {
    let n = row / (p.oh * p.ow);
    let within = row - n * p.oh * p.ow;
    let oi = within / p.ow;
    let i = oi * p.strideH - p.padH + tapH * p.dilationH;
    let j = (within - oi * p.ow) * p.strideW - p.padW + tapW * p.dilationW;
    if (i < 0 || i >= p.h || j < 0 || j >= p.w) { continue; }
    let start = ((n * p.h + i) * p.w + j) * p.xStride4 + group * p.channel4;
    let x0 = x[start + channel4];
    let x1 = x[start + channelB];
    let d = row * p.dyStride4 + group * p.output4;
    let d0 = dy[d + output4];
    let d1 = dy[d + outputB];
    s00 = fma(vec4f(d0.x), x0, s00); s01 = fma(vec4f(d0.x), x1, s01);
    s10 = fma(vec4f(d0.y), x0, s10); s11 = fma(vec4f(d0.y), x1, s11);
    s20 = fma(vec4f(d0.z), x0, s20); s21 = fma(vec4f(d0.z), x1, s21);
    s30 = fma(vec4f(d0.w), x0, s30); s31 = fma(vec4f(d0.w), x1, s31);
    s40 = fma(vec4f(d1.x), x0, s40); s41 = fma(vec4f(d1.x), x1, s41);
    s50 = fma(vec4f(d1.y), x0, s50); s51 = fma(vec4f(d1.y), x1, s51);
    s60 = fma(vec4f(d1.z), x0, s60); s61 = fma(vec4f(d1.z), x1, s61);
    s70 = fma(vec4f(d1.w), x0, s70); s71 = fma(vec4f(d1.w), x1, s71);
  }
  let o = 4 * output4;
  let c = 4 * channel4;
  store4(slice, o, tap, group, c, s00); store4(slice, o, tap, group, c + 4, s01);
  store4(slice, o + 1, tap, group, c, s10); store4(slice, o + 1, tap, group, c + 4, s11);
  store4(slice, o + 2, tap, group, c, s20); store4(slice, o + 2, tap, group, c + 4, s21);
  store4(slice, o + 3, tap, group, c, s30); store4(slice, o + 3, tap, group, c + 4, s31);
  store4(slice, o + 4, tap, group, c, s40); store4(slice, o + 4, tap, group, c + 4, s41);
  store4(slice, o + 5, tap, group, c, s50); store4(slice, o + 5, tap, group, c + 4, s51);
  store4(slice, o + 6, tap, group, c, s60); store4(slice, o + 6, tap, group, c + 4, s61);
  store4(slice, o + 7, tap, group, c, s70); store4(slice, o + 7, tap, group, c + 4, s71);
}
`;
