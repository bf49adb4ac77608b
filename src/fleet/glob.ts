/** Whether a path has characters that make it a pattern. */
export const isPattern = (path: string): boolean => /[*?[\]{}]/.test(path);

/** The folder that all matches lie in, and the pattern below it: `photos/2024/**\/*.jpg` lies in `photos/2024`. */
export function splitPattern(pattern: string): { folder: string; rest: string } {
  const parts = pattern.split("/");
  const first = parts.findIndex(isPattern);
  const folder = parts.slice(0, first).join("/");
  return { folder: folder === "" ? (pattern.startsWith("/") ? "/" : ".") : folder, rest: parts.slice(first).join("/") };
}

/** A pattern as an expression for whole paths: `*` and `?` stay within a folder, `**` does not, `[a-z]`, `{jpg,png}`. */
export function patternToRegExp(pattern: string): RegExp {
  let out = "";
  let depth = 0;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    const set = c === "[" ? /^\[(!?)([^\]]+)\]/.exec(pattern.slice(i)) : null;
    if (pattern.startsWith("**/", i)) {
      out += "(?:[^/]+/)*";
      i += 2;
    } else if (pattern.startsWith("**", i)) {
      out += ".*";
      i += 1;
    } else if (c === "*") out += "[^/]*";
    else if (c === "?") out += "[^/]";
    else if (set !== null) {
      out += `[${set[1] === "!" ? "^" : ""}${set[2]!.replace(/[\\^]/g, "\\$&")}]`;
      i += set[0].length - 1;
    } else if (c === "{") {
      out += "(?:";
      depth++;
    } else if (c === "}" && depth > 0) {
      out += ")";
      depth--;
    } else if (c === "," && depth > 0) out += "|";
    else out += c.replace(/[\\^$.|+()[\]{}]/, "\\$&");
  }
  return new RegExp(`^${out}${")".repeat(depth)}$`, "u");
}
