import { FileFormatError } from "../../errors.ts";
import { need } from "../../options.ts";

/** What a class is called. `wnid` is its WordNet id (`n02123045`), where there is one. */
export interface Label {
  readonly name: string;
  readonly wnid?: string;
}

/** One label for each class, in the order of the class's index. */
export type Labels = readonly Label[];

/** Plain names as labels. */
export function labelsOf(names: readonly string[]): Labels {
  need(Array.isArray(names), "labelsOf", "a list of names", names);
  return names.map((name) => ({ name }));
}

const wnidPattern = /^n\d{8}$/;

/**
 * Reads a file of labels, whichever of the usual forms it has:
 * text with one name a line, in order (`n01440764 tench, Tinca tinca` gives the WordNet id too); a JSON list of names;
 * a JSON object from index to name (Hugging Face's `id2label`, also inside a `config.json`) or to `[wnid, name]`
 * (Keras's `imagenet_class_index.json`).
 * @param file what errors call the file
 * @throws FileFormatError
 */
export function parseLabels(text: string, file = "labels"): Labels {
  need(typeof text === "string", "parseLabels", "a file's text", text);
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  if (trimmed === "") throw new FileFormatError(file, "the file of labels is empty: expected one name a line, or JSON");
  if (!trimmed.startsWith("[") && !trimmed.startsWith("{")) return fromLines(trimmed.split(/\r\n|\n|\r/), file);
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch (cause) {
    throw new FileFormatError(file, `looks like JSON and is not: ${(cause as Error).message}`, { cause });
  }
  if (Array.isArray(value)) return value.map((entry, i) => fromEntry(entry, i, file));
  const object = value as Record<string, unknown>;
  const nested = object.id2label;
  return fromIndex(nested !== null && typeof nested === "object" ? (nested as Record<string, unknown>) : object, file);
}

function fromLines(lines: readonly string[], file: string): Labels {
  const empty = lines.findIndex((line) => line.trim() === "");
  if (empty >= 0) throw new FileFormatError(file, `line ${empty + 1} is empty: each class needs a name`);
  const isSynsets = lines.every((line) => /^n\d{8}\s+\S/.test(line));
  return lines.map((line) =>
    isSynsets ? { wnid: line.slice(0, 9), name: line.slice(9).trim() } : { name: line.trim() },
  );
}

function fromEntry(entry: unknown, index: number, file: string): Label {
  if (typeof entry === "string" && entry !== "") return { name: entry };
  if (Array.isArray(entry) && entry.length === 2) {
    const [wnid, name] = entry as [unknown, unknown];
    if (typeof wnid === "string" && wnidPattern.test(wnid) && typeof name === "string") {
      return { wnid, name: name.replaceAll("_", " ") };
    }
  }
  throw new FileFormatError(
    file,
    `class ${index} is ${JSON.stringify(entry)?.slice(0, 60)}: expected a name or [WordNet id, name]`,
  );
}

function fromIndex(object: Record<string, unknown>, file: string): Labels {
  const count = Object.keys(object).length;
  if (count === 0) throw new FileFormatError(file, "the JSON object has no classes");
  return Array.from({ length: count }, (_, i) => {
    if (!Object.hasOwn(object, String(i))) {
      throw new FileFormatError(file, `has ${count} entries but none for class ${i}: expected "0" to "${count - 1}"`);
    }
    return fromEntry(object[String(i)], i, file);
  });
}
