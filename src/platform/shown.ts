/** The pixels that a page shows as a bitmap; undefined for what is not loaded yet, another site's, or nothing of the kind. */
export async function shown(source: unknown): Promise<ImageBitmap | undefined> {
  try {
    return await createImageBitmap(source as ImageBitmapSource);
  } catch {
    return undefined; // also where there is no such function
  }
}
