/**
 * Largest or mean value of each window, or of each area of the adaptive pools. A window without a NaN gives its largest value;
 * WGSL does not promise anything about NaN.
 */
export const poolCode = /* wgsl */ `
struct Params {
  size: i32, width: i32, c: i32, h: i32, w: i32, oh: i32, ow: i32,
  kernelH: i32, kernelW: i32, strideH: i32, strideW: i32, padH: i32, padW: i32, dilationH: i32, dilationW: i32,
  countAll: i32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<stored>;
@group(0) @binding(2) var<storage, read_write> y: array<stored>;
override adaptive: bool = false;
override largest: bool = true;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let c = at % p.c;
  var rest = at / p.c;
  let oj = rest % p.ow;
  rest /= p.ow;
  let oi = rest % p.oh;
  let n = rest / p.oh;
  var top = oi * p.strideH - p.padH;
  var left = oj * p.strideW - p.padW;
  var bottom = top + (p.kernelH - 1) * p.dilationH + 1;
  var right = left + (p.kernelW - 1) * p.dilationW + 1;
  var stepH = p.dilationH;
  var stepW = p.dilationW;
  if (adaptive) {
    top = oi * p.h / p.oh;
    bottom = ((oi + 1) * p.h + p.oh - 1) / p.oh;
    left = oj * p.w / p.ow;
    right = ((oj + 1) * p.w + p.ow - 1) / p.ow;
    stepH = 1;
    stepW = 1;
  }
  var best = 0.0;
  var count = 0;
  for (var i = top; i < bottom; i += stepH) {
    if (i < 0 || i >= p.h) { continue; }
    for (var j = left; j < right; j += stepW) {
      if (j < 0 || j >= p.w) { continue; }
      let v = f32(x[((n * p.h + i) * p.w + j) * p.c + c]);
      if (largest) {
        if (count == 0 || v > best || v != v) { best = v; }
      } else {
        best += v;
      }
      count++;
    }
  }
  if (!largest) {
    if (p.countAll != 0) { count = p.kernelH * p.kernelW; }
    best /= f32(count);
  }
  y[at] = stored(best);
}
`;

/**
 * Gradients of the pools, gathered: a pixel of dx asks each window that covers it for its share, so no two invocations write one
 * value and the order of sums is fixed. Of a maximum, the first largest pixel of a window takes all (PyTorch).
 */
export const poolGradCode = /* wgsl */ `
struct Params {
  size: i32, width: i32, c: i32, h: i32, w: i32, oh: i32, ow: i32,
  kernelH: i32, kernelW: i32, strideH: i32, strideW: i32, padH: i32, padW: i32, dilationH: i32, dilationW: i32,
  countAll: i32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
override adaptive: bool = false;
override largest: bool = true;

struct Span { begin: i32, end: i32, step: i32 }

fn span(o: i32, size: i32, count: i32, kernel: i32, stride: i32, pad: i32, dilation: i32) -> Span {
  if (adaptive) { return Span(o * size / count, ((o + 1) * size + count - 1) / count, 1); }
  let start = o * stride - pad;
  return Span(start, start + (kernel - 1) * dilation + 1, dilation);
}

fn covers(s: Span, i: i32) -> bool { return i >= s.begin && i < s.end && (i - s.begin) % s.step == 0; }

// The first and last window that can cover pixel i.
fn candidates(i: i32, size: i32, count: i32, kernel: i32, stride: i32, pad: i32, dilation: i32) -> vec2i {
  if (adaptive) { return vec2i(max(i * count / size - 1, 0), min((i + 1) * count / size + 1, count - 1)); }
  let reach = (kernel - 1) * dilation;
  return vec2i(max((i + pad - reach) / stride, 0), min((i + pad) / stride, count - 1));
}

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = i32(id.x) + i32(id.y) * p.width;
  if (at >= p.size) { return; }
  let c = at % p.c;
  var rest = at / p.c;
  let j = rest % p.w;
  rest /= p.w;
  let i = rest % p.h;
  let n = rest / p.h;
  let rows = candidates(i, p.h, p.oh, p.kernelH, p.strideH, p.padH, p.dilationH);
  let columns = candidates(j, p.w, p.ow, p.kernelW, p.strideW, p.padW, p.dilationW);
  var sum = 0.0;
  for (var oi = rows.x; oi <= rows.y; oi++) {
    let down = span(oi, p.h, p.oh, p.kernelH, p.strideH, p.padH, p.dilationH);
    if (!covers(down, i)) { continue; }
    for (var oj = columns.x; oj <= columns.y; oj++) {
      let across = span(oj, p.w, p.ow, p.kernelW, p.strideW, p.padW, p.dilationW);
      if (!covers(across, j)) { continue; }
      let d = dy[((n * p.oh + oi) * p.ow + oj) * p.c + c];
      if (largest) {
        var best = 0.0;
        var winner = vec2i(-1, -1);
        for (var r = down.begin; r < down.end; r += down.step) {
          if (r < 0 || r >= p.h) { continue; }
          for (var q = across.begin; q < across.end; q += across.step) {
            if (q < 0 || q >= p.w) { continue; }
            let v = x[((n * p.h + r) * p.w + q) * p.c + c];
            if (winner.x < 0 || v > best || (v != v && best == best)) {
              best = v;
              winner = vec2i(r, q);
            }
          }
        }
        if (winner.x == i && winner.y == j) { sum += d; }
      } else {
        var count = (min(down.end, p.h) - max(down.begin, 0)) * (min(across.end, p.w) - max(across.begin, 0));
        if (p.countAll != 0) {
          count = (min(down.end, p.h + p.padH) - down.begin) * (min(across.end, p.w + p.padW) - across.begin);
        }
        sum += d / f32(count);
      }
    }
  }
  dx[at] = sum;
}
`;
