/** A 2-D window that slides: sizes in pixels. */
export interface Window {
  readonly kernelH: number;
  readonly kernelW: number;
  readonly strideH: number;
  readonly strideW: number;
  /** Rows (columns) added on each side. */
  readonly padH: number;
  readonly padW: number;
  readonly dilationH: number;
  readonly dilationW: number;
}

export interface Conv2dAttrs extends Window {
  readonly groups: number;
  /** Fused epilogue: y = max(0, conv + bias + residual). Compiled graphs use it; modules leave it out. */
  readonly relu?: boolean;
}

export interface PadShortcutAttrs {
  readonly stride: number;
  /** Zero channels put before and after the input's. */
  readonly before: number;
  readonly after: number;
}
