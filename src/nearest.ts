/** Levenshtein distance of two strings, counted in UTF-16 code units. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/**
 * The candidate a person most likely meant by `name`, or undefined when none is close.
 * Case, `_`, `-`, `.` and spaces do not count, so that `ResNet_50` finds `resnet50`.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const plain = (text: string) =>
    String(text)
      .toLowerCase()
      .replace(/[-_.\s]/g, "");
  const wanted = plain(name).slice(0, 64);
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, plain(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}
