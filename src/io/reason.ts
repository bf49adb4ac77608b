/**
 * Why a connection failed, in one line: undici says "fetch failed" or "terminated", and why in the cause. DecompressionStream of newer
 * Nodes says nothing, and why in the cause.
 */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : undefined;
  if (error.message === "" && cause !== undefined) return cause.message;
  const detail = cause === undefined ? "" : ` (${"code" in cause && cause.code ? cause.code : cause.message})`;
  return error.message + detail;
}
