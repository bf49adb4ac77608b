/** The words of a text, as types too: shorter in a bundle than a list of strings. */
type Words<S extends string> = S extends `${infer First} ${infer Rest}` ? [First, ...Words<Rest>] : [S];
const words = <const S extends string>(text: S) => text.split(" ") as Words<S>;

const strassen = words(
  "x y u residual relu c oc pixels ow imageStep rowStep pixelStep pairs blockPairs blocks panelsPerTile fused v vStep positionStep scratch scratchStep",
);

const winograd = words(
  "x y u residual relu h w c oh ow oc padH padW tilesX tilesY tiles blockTiles blocks v vStep positionStep size scratch scratchStep fused panelsPerTile",
);

/** A product whose rows are output pixels. */
const rows = words(
  "a b c residual relu m columns runLength runsH runsW runStepH runStepW pixels ow imageStep rowStep pixelStep cStep",
);

const packedGemm = [...rows, ...words("blockRows blocks panelsPerTile fused v vStep scratch scratchStep")] as const;

/**
 * The ABI between TypeScript and AssemblyScript, said once. A kernel gets the address of a flat record of 4-byte words; these
 * lists name the words in order. scripts/records.js turns them into assembly/generated/records.ts (constants with byte
 * offsets), and `encode` below writes them. Addresses and steps are in bytes, counts in elements; `f32` fields are marked
 * by a trailing "!".
 */
export const records = {
  /**
   * Rows of A (read in place) times packed panels of 8 columns. A row of A is an output pixel; its k dimension is split into
   * `runs` = runsH x runsW stretches of `runLength` floats each, so that any convolution without groups on a padded picture
   * is this product (1x1: one run).
   */
  gemm: [...rows, ...words("rowsPerTile panelsPerTile rowTiles panelTiles")],
  /** Weights [columns][k], times 64-bit factors `scale` (or 0), to panels of 8 columns, by slabs of `slab` panels (assembly/slabs.ts); a tile is a panel. */
  pack: words("weight bias packed columns k scale slab"),
  /** Copies a picture into a larger one filled with `value!`; a tile is an output row of one image. */
  pad: words("x y h w c oh ow top left value!"),
  /** Largest value per window; a tile is an output row. */
  maxPool: words("x y h w c oh ow kernelH kernelW strideH strideW padH padW dilationH dilationW"),
  /** Mean per window; a tile is an output row. */
  avgPool: words("x y h w c oh ow kernelH kernelW strideH strideW padH padW dilationH dilationW countIncludePad"),
  /** Mean (or largest value) of areas; a tile is an output pixel. */
  adaptivePool: words("x y h w c oh ow max"),
  /** Per-channel scale and shift of batch norm into `scale` [2][c]; one tile. */
  normFold: words("weight bias mean variance scale c eps!"),
  /** y = x * scale + shift per channel, then ReLU; a tile is `rowsPerTile` pixels. */
  scaleShift: words("x scale y rows c relu rowsPerTile"),
  /** y = a + b (b may be 0: then y = a), then ReLU, times `factor!` where `scaled`; a tile is `perTile` elements. */
  pointwise: words("a b y length relu scaled factor! perTile"),
  /** Subsample and put zero channels around; a tile is an output row. */
  padShortcut: words("x y h w c oh ow oc before stride"),
  /** A tile is a row. */
  softmax: words("x y k log"),
  /** [hw][c] to [c][hw]; a tile is an image. */
  transpose: words("x y rows columns"),
  /**
   * dw = dyᵀ · rows of A (rows as in gemm, read in place). `partial` holds one [oc][k] matrix per segment of the batch; a tile
   * is one segment, one group of `ocPerTile` output channels, one run.
   */
  weightGrad: words(
    "x dy partial n oh ow oc runLength runsH runsW runStepH runStepW imageStep rowStep pixelStep dyStep segments ocPerTile ocTiles partialStep chunk scratch scratchStep",
  ),
  /** y[i] = factor · Σ over `count` of x[j][i], in this order, in f64; a tile is `perTile` elements. */
  reduce: words("x y count length factor! perTile"),
  /** Weights [oc][taps][ic] to [ic][taps reversed][oc]; a tile is a row of the result. */
  flip: words("x y oc taps ic"),
  /** Puts pixels `stride` apart into a picture of zeros, `top` and `left` of it away (may be negative); a tile is an output row. */
  dilate: words("x y h w c oh ow top left strideH strideW"),
  /** Sums over chunks of `rowsPerTile` rows; a tile is a chunk: sum per channel. */
  channelSums: words("x partial rows c rowsPerTile squares"),
  /** Per chunk and channel: sum, and sum of squared differences from the chunk's own mean. */
  normStats: words("x partial rows c rowsPerTile"),
  /** Chunks' statistics to the batch's; a tile is 16 channels. */
  normCombine: words(
    "partial weight bias runningMean runningVariance mean invstd scale rows c rowsPerTile eps! momentum!",
  ),
  /** Per chunk and channel: Σ g and Σ g · x̂; g is dy behind the ReLU, or where y > 0, and then kept in `dz`. `scale` is normCoefficients' result. */
  normGradSums: words("x dy partial scale mean invstd rows c rowsPerTile relu y dz"),
  /** Forward scale and shift again, and (frozen) invstd from the variance; one tile. `scale` is [3][c]: scale, shift, invstd. */
  normCoefficients: words("mean invstd weight bias scale c frozen eps!"),
  /** dweight, dbias and the three factors of dx = a · g + b · x + c; a tile is 16 channels. */
  normGradCombine: words("partial weight mean invstd dweight dbias factors rows c rowsPerTile frozen"),
  normGradApply: words("x dy dx scale factors rows c rowsPerTile relu"),
  /** dx = dy where y > 0; a tile is `perTile` elements. */
  reluGrad: words("y dy dx length perTile"),
  /** mode 0 max, 1 mean of the padded window, 2 mean of what is there, 3 adaptive mean, 4 adaptive max; a tile is an image. */
  poolGrad: words("x dy dx h w c oh ow kernelH kernelW strideH strideW padH padW dilationH dilationW mode"),
  /** A tile is a row of dx. */
  padShortcutGrad: words("dy dx h w c oh ow oc before stride"),
  crop: words("dy dx h w c oh ow top left"),
  softmaxGrad: words("y dy dx k log"),
  /** A tile is a picture: its loss, and its row of dlogits. */
  crossEntropy: words("logits target losses dlogits n k soft smoothing!"),
  /** y = a · b; each value of b serves `each` elements; a tile is `perTile` elements. */
  mul: words("a b y length each perTile"),
  sgd: words("grad parameter velocity length nesterov first lr! momentum! keep! weightDecay! perTile"),
  adamW: words("grad parameter m v length lr! beta1! beta2! eps! weightDecay! correction1! correction2! perTile"),
  lerp: words("x y length weight! perTile"),
  /** Filters [oc][3][3][c] to panels of 8 channels for `winograd`; a tile is a panel. */
  winogradPack: words("weight bias scale packed c oc scratch size"),
  /** Rows of A of one block for `packedGemm`, packed to `v`; a tile is a block. */
  packedGemmInput: packedGemm,
  /** `gemm` of packed rows; a tile is a block of rows and `panelsPerTile` panels; `fused` includes their packing. */
  packedGemm,
  /** Sums of pixels and channels of one block of pairs for `strassen` to `v`; a tile is a block. */
  strassenInput: strassen,
  /** 1x1 convolution of a block of pairs of pixels for `panelsPerTile` panels of 2 x 8 channels; `fused` includes the sums. */
  strassen,
  /** Weights [oc][c] to panels of 2 x 8 channels for `strassen`; a tile is a panel. */
  strassenPack: words("weight bias scale packed c oc"),
  /** Transforms the input of one block of 4x4 output tiles into `v`; a tile is a block. */
  winogradInput: winograd,
  /** 3x3 stride 1 convolution of a block of output tiles for `panelsPerTile` panels; `fused` includes the input transform. */
  winograd,
  /**
   * Weight gradient of a 3x3 stride 1 convolution by F(3x3, 4x4): `partial` gets 36 matrices of sums for each segment, span of
   * output channels and span of input channels; a tile is one of each.
   */
  winogradGrad: words(
    "x dy partial h w c oh ow oc padH padW tilesX tilesY tiles blockTiles segments ocSpan cSpan ocShares cShares scratch scratchStep",
  ),
  /** Every stride-th tap of [oc][kh][kw][ic] from (top, left) on, reversed, to [ic][th][tw][oc]; a tile is a row of the result. */
  phaseWeights: words("x y oc ic kh kw th tw top left strideH strideW"),
  /** Pixels of x [h][w] to every stride-th pixel of y [oh][ow] from (top, left) on; a tile is a row of x. */
  spread: words("x y h w c oh ow top left strideH strideW"),
  /** y = x * scale + shift per channel, plus `residual` (may be 0), then ReLU; a tile is `rowsPerTile` pixels. */
  normApply: words("x scale residual y rows c relu rowsPerTile"),
  /** Adds the segments and transforms the sums to dw; a tile is four output channels. */
  winogradGradSum: words("partial dw c oc segments ocSpan cSpan ocShares cShares scratch scratchStep"),
  /** Writes 1 to `flag` where one of `length` values is NaN or infinite; a tile is `perTile` of them. */
  notFinite: words("x flag length perTile"),
} as const;

export type KernelName = keyof typeof records;

type Field<K extends KernelName> = (typeof records)[K][number] extends infer F extends string
  ? F extends `${infer Name}!`
    ? Name
    : F
  : never;

export type RecordOf<K extends KernelName> = Readonly<Record<Field<K>, number>>;

const names = Object.keys(records) as KernelName[];
const ids = new Map(names.map((name, id) => [name, id]));
const fields = new Map(
  names.map((name) => [name, records[name].map((f) => ({ name: f.replace("!", ""), float: f.endsWith("!") }))]),
);

/** The number by which run.ts knows a kernel. */
export function kernelId(kernel: KernelName): number {
  return ids.get(kernel)!;
}

/** Words of a kernel's record. */
export function recordLength(kernel: KernelName): number {
  return records[kernel].length;
}

/** Writes a record at word `at`. `i32` and `f32` are views of the same memory. */
export function encode<K extends KernelName>(
  kernel: K,
  record: RecordOf<K>,
  i32: Int32Array,
  f32: Float32Array,
  at: number,
): void {
  let word = at;
  for (const { name, float } of fields.get(kernel)!) {
    const value = record[name as Field<K>];
    if (float) f32[word] = value;
    else i32[word] = value;
    word++;
  }
}
