import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FileAccessError } from "../errors.ts";

/** A file that comes with the package, by its place there: this program lies somewhere below. */
function packageFile(name: string): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, name);
    if (existsSync(file)) return file;
    if (folder === dirname(folder)) throw new FileAccessError(name, "is not there, though it comes with the package");
  }
}

/** The picture that comes with the package. */
export const samplePicture = (): string => packageFile("assets/sample/cat.jpg");

/** This package's version. */
export const packageVersion = (): string => JSON.parse(readFileSync(packageFile("package.json"), "utf8")).version;
