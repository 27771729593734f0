/** The middle and the slow end of what was measured. Pure. */

export function percentile(values: number[], part: number): number | null {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * part) - 1))]!;
}

export const median = (values: number[]): number | null => percentile(values, 0.5);
export const p95 = (values: number[]): number | null => percentile(values, 0.95);

/** Kilobits a second out of bytes and ms; `null` where there is nothing to divide by. */
export function kbps(bytes: number, ms: number): number | null {
  return bytes > 0 && ms > 0 ? (bytes * 8) / ms : null;
}
