import { createSha256 } from "#platform";

/** URL.canParse, which browsers have only since 2023. */
export function isWholeAddress(text: string): boolean {
  try {
    return new URL(text) !== undefined;
  } catch {
    return false;
  }
}

/** The name of an address's file in the cache: its last part, behind a hash of the whole. */
export function cacheKey(url: string): string {
  const sum = createSha256();
  sum.update(new TextEncoder().encode(url));
  const last = new URL(url).pathname.split("/").pop() ?? "";
  const plain = last.replace(/[^A-Za-z0-9_.-]/g, "_").replace(/^\.+/, "");
  return `${sum.hex().slice(0, 16)}-${plain.slice(-80) || "file"}`;
}

/**
 * Where to fetch an address from: under a mirror, `https://host/path` is at `BASE/host/path`, which is how
 * `wget --force-directories` lays files out.
 */
export function mirrored(url: string, base: string | undefined): string {
  if (base === undefined || base === "") return url;
  const { host, pathname, search } = new URL(url);
  return `${base.replace(/\/+$/, "")}/${host}${pathname}${search}`;
}

/** The hash prefix that the names of PyTorch's own files carry: `resnet18-f37072fd.pth` has `f37072fd`. */
export function hashInName(url: string): string | undefined {
  return /-([0-9a-f]{8,64})\.[a-z0-9]+$/.exec(new URL(url).pathname)?.[1];
}
