import { quote } from "./quote.ts";

/** A JSON value whose objects are Maps: their order is the file's, whatever the keys look like. */
export type Json = null | boolean | number | string | Json[] | Map<string, Json>;

const MAX_DEPTH = 16;

/**
 * JSON.parse that refuses what it lets pass: a key that is there twice (which one counts is anybody's guess, and two
 * readers that guess differently see two different files). Throws a SyntaxError with the position.
 */
export function parseStrictJson(text: string): Json {
  let at = 0;

  const fail = (message: string): never => {
    throw new SyntaxError(`${message} at character ${at}`);
  };
  const skipSpace = () => {
    for (;;) {
      const c = text.charCodeAt(at);
      if (c !== 32 && c !== 9 && c !== 10 && c !== 13) return;
      at++;
    }
  };
  const takes = (c: string) => {
    skipSpace();
    if (text[at] !== c) return false;
    at++;
    return true;
  };
  const expect = (c: string) => {
    if (!takes(c)) fail(`${JSON.stringify(c)} expected`);
  };
  // Scalars are cut out and handed to JSON.parse.
  const scalar = (token: string | undefined, what: string): Json => {
    if (token === undefined) return fail(`${what} expected`);
    try {
      const value = JSON.parse(token) as Json;
      at += token.length;
      return value;
    } catch {
      return fail(`not a valid ${what}`);
    }
  };
  const string = (): string => {
    skipSpace();
    // No pattern: one that knows escapes has a limit to how many.
    let end = at + 1;
    while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
    return scalar(text[at] === '"' && end < text.length ? text.slice(at, end + 1) : undefined, "string") as string;
  };
  const simple = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/y;
  const value = (depth: number): Json => {
    if (depth > MAX_DEPTH) fail("too deeply nested");
    skipSpace();
    const c = text[at];
    if (c === "{") {
      at++;
      const object = new Map<string, Json>();
      if (takes("}")) return object;
      do {
        const key = string();
        if (object.has(key)) fail(`the key ${quote(key)} is there twice`);
        expect(":");
        object.set(key, value(depth + 1));
      } while (takes(","));
      expect("}");
      return object;
    }
    if (c === "[") {
      at++;
      const array: Json[] = [];
      if (takes("]")) return array;
      do array.push(value(depth + 1));
      while (takes(","));
      expect("]");
      return array;
    }
    if (c === '"') return string();
    simple.lastIndex = at;
    return scalar(simple.exec(text)?.[0], "value");
  };

  const result = value(0);
  skipSpace();
  if (at < text.length) fail("unexpected text after the end");
  return result;
}
