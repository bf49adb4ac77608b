/** Pixels as decoders and canvases give them: 8 bits, R G B A, alpha not premultiplied. */
export interface RgbaPixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}
