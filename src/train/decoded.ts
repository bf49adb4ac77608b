import { ArgumentError, ResNetError } from "../errors.ts";
import { need } from "../options.ts";
import type { ImageDataset, Sample } from "../vision/datasets.ts";
import { type RawImage, toGrey, toRgb } from "../vision/image.ts";
import type { Preprocessing } from "../vision/presets.ts";
import { resizeAndCrop } from "../vision/transforms.ts";

// What `prepare` and `prepareOnDemand` do with one picture, and what they say about it.

/** Size of the pictures of a data set. */
export interface PictureSize {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
}

/** @throws ArgumentError for what is none (a path, or a promise that nobody awaited), and for one without pictures */
export function checkDataset(owner: string, dataset: ImageDataset): ImageDataset {
  need(dataset?.get, owner, "a data set, such as `await openDataset(folder)`", dataset);
  if (dataset.length === 0) throw new ArgumentError(`${owner}: the data set is empty`);
  return dataset;
}

/** A sample, or undefined and its error's message in `unreadable`. Errors that do not come from reading are thrown. */
export async function readable(
  dataset: ImageDataset,
  index: number,
  unreadable: string[],
): Promise<Sample | undefined> {
  try {
    return await dataset.get(index);
  } catch (error) {
    if (!(error instanceof ResNetError)) throw error;
    unreadable.push(error.message);
    return undefined;
  }
}

/** A picture as training keeps it: grey or RGB, resized and cropped where that is wanted. */
export function eightBit(image: RawImage, preprocessing: Preprocessing | undefined): RawImage & PictureSize {
  const own = preprocessing ? resizeAndCrop(image, preprocessing) : image.channels === 1 ? toGrey(image) : toRgb(image);
  return { ...own, channels: own.channels === 1 ? 1 : 3 };
}

/** @throws ArgumentError */
export function checkedLabel(dataset: ImageDataset, index: number, label: number): number {
  const { length } = dataset.classes;
  if (!Number.isInteger(label) || label < 0 || label >= length) {
    throw new ArgumentError(`${dataset.nameOf(index)}: label ${label} is not one of the ${length} classes`);
  }
  return label;
}

/** @throws ArgumentError */
export function checkSize(name: string, own: PictureSize, { height, width, channels }: PictureSize): void {
  if (own.height === height && own.width === width && own.channels === channels) return;
  throw new ArgumentError(
    `${name}: is ${own.width}x${own.height} with ${own.channels} channel(s), the first picture ` +
      `${width}x${height} with ${channels}; pass a preprocessing that crops`,
  );
}

/** One error for all pictures that cannot be read, with the messages of the first five. */
export function unreadablePictures(who: string, messages: readonly string[], of: number): ResNetError {
  const more = messages.length > 5 ? `; and ${messages.length - 5} more` : "";
  return new ResNetError(
    `${who}: ${messages.length} of ${of} pictures cannot be read: ${messages.slice(0, 5).join("; ")}${more}`,
    { code: "ERR_UNREADABLE" },
  );
}
