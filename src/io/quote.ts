/** A name from a file, quoted for a message, and cut where a file tries to fill the screen. */
export function quote(text: string, limit = 120): string {
  return JSON.stringify(text.length > limit ? `${text.slice(0, limit)}…` : text);
}

/** A shape for a message. */
export function showShape(shape: readonly number[]): string {
  return shape.length > 8 ? `[${shape.slice(0, 8).join(", ")}, …]` : `[${shape.join(", ")}]`;
}
