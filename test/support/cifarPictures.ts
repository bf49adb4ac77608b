import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { memorySource } from "../../src/io/source.ts";
import { readZip } from "../../src/io/zip.ts";

/** Unpacks the first `count` pictures of a zip file, in the order of their names, below `folder`. */
export function unpackPictures(zip: string, folder: string, count: number): void {
  const bytes = readFileSync(zip);
  const members = [...readZip(memorySource(zip, bytes)).values()].filter(({ name }) => name.endsWith(".jpg"));
  members.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, method, offset, packed } of members.slice(0, count)) {
    const data = bytes.subarray(offset, offset + packed);
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, method === 0 ? data : inflateRawSync(data));
  }
}
