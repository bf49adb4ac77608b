import { ArgumentError, UnknownNameError } from "./errors.ts";
import { encodePng } from "./vision/encodePng.ts";
import { type HeatMap, overlay } from "./vision/heatmap.ts";
import type { RawImage, RgbImage } from "./vision/image.ts";
import type { Labels } from "./vision/labels/labels.ts";

// What a classifier of this thread and one in a worker have in common. No network is known here: a page need not load any.

/** Where in a picture a class was seen. */
export interface Explanation {
  readonly index: number;
  readonly label: string;
  /** Class activation map over the picture's pixels: above 0 speaks for the class, below against it. */
  readonly map: HeatMap;
  /** The picture with the map laid over it. @param opacity of the hottest spot, 0 to 1; 0.7 by default */
  overlay(opacity?: number): RgbImage;
  /** The overlay as a PNG file. */
  png(opacity?: number): Promise<Uint8Array>;
}

/** @throws ArgumentError */
export function checkLabels(labels: Labels | undefined, numClasses: number): void {
  if (labels !== undefined && labels.length !== numClasses) {
    throw new ArgumentError(`createClassifier: ${labels.length} labels for ${numClasses} classes`);
  }
  if (labels?.some((label) => typeof label?.name !== "string"))
    throw new ArgumentError("createClassifier: labels without a name: use labelsOf");
}

/** The index of a class by index or label. @throws ArgumentError, UnknownNameError */
export function classIndex(
  wanted: number | string,
  { labels, numClasses }: { readonly labels: Labels | undefined; readonly numClasses: number },
): number {
  if (typeof wanted === "number") {
    if (Number.isInteger(wanted) && wanted >= 0 && wanted < numClasses) return wanted;
    throw new ArgumentError(`explain: classes are from 0 to ${numClasses - 1}, got ${wanted}`);
  }
  const names = labels ?? [];
  const plain = wanted.toLowerCase();
  const index = names.findIndex(({ name, wnid }) => name.toLowerCase() === plain || wnid === wanted);
  if (index >= 0) return index;
  throw new UnknownNameError(
    "class",
    wanted,
    names.map(({ name }) => name),
  );
}

/** What `explain` gives for one class's map over the picture. */
export function explanation(picture: RawImage, index: number, map: HeatMap, labels: Labels | undefined): Explanation {
  const laid = (opacity?: number): RgbImage => overlay(picture, map, opacity);
  return {
    index,
    label: labels?.[index]?.name ?? `class ${index}`,
    map,
    overlay: laid,
    png: (opacity) => encodePng(laid(opacity)),
  };
}
