/**
 * Numbers as people read them, and tables.
 *
 * @module
 */

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `950 B`, `1.5 kB`, `20.0 MB`: powers of 1000. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  // 999.96 would be rounded to 1000.0 of the smaller unit.
  while (value >= (unit === 0 ? 1000 : 999.95) && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Reads `10MB`, `1.5 GB`, `500000`: bytes, or powers of 1000 of them; `undefined`: it is none of these. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kMGT]?B)?$/i.exec(text);
  if (match === null) return undefined;
  const unit = UNITS.findIndex((each) => each.toLowerCase() === (match[2] ?? "B").toLowerCase());
  const bytes = Math.round(Number(match[1]) * 1000 ** unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Bytes a second: `2.4 MB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(Math.round(bytesPerSecond))}/s`;
}

/** `8.3 s`, `2 min 05 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/** Rows with their columns in line; the first row is the heading. Numbers (and what begins with a digit) stand to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => widths[at] = Math.max(widths[at] ?? 0, cell.length));
  const right = widths.map((_, at) => rows.length > 1 && rows.slice(1).every((row) => /^[-\d]/.test(row[at] ?? "")));
  return rows.map((row) =>
    row.map((cell, at) => right[at] ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)).join("  ").trimEnd()
  ).join("\n");
}
