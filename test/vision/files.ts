import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repoRoot } from "../support/shared.ts";

/** A small picture file and what Pillow makes of it. */
export interface GoldenFile {
  readonly name: string;
  readonly size: [number, number];
  readonly sha256: string;
  readonly data: Uint8Array;
  readonly rgb: Uint8Array | undefined;
}

export function goldenFiles() {
  const text = readFileSync(join(repoRoot, "test/golden/vision/files.json"), "utf8");
  const { pillow, files: raw } = JSON.parse(text) as {
    pillow: string;
    files: { name: string; size: [number, number]; sha256: string; data: string; rgb?: string }[];
  };
  const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
  const files = raw.map(
    (f): GoldenFile => ({
      ...f,
      data: bytes(f.data),
      rgb: f.rgb === undefined ? undefined : bytes(f.rgb),
    }),
  );
  const file = (name: string): Uint8Array => {
    const found = files.find((f) => f.name === name);
    if (found === undefined) throw new Error(`no golden file ${name}`);
    return found.data;
  };
  return { pillow, files, file };
}
