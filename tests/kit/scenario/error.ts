/**
 * What is wrong with a scenario file.
 *
 * @module
 */

/** A scenario file is wrong. The message names the file, the key and what was expected. */
export class ScenarioError extends Error {
  /** `"ScenarioError"`. */
  override name = "ScenarioError";
  /** The file, as it was called. */
  readonly file: string;
  /** The path of the key, such as `links[1].up.queueMs`; empty: the whole file. */
  readonly key: string;

  /** `reason` goes on where the key ends: `is 5: expected ...`. */
  constructor(file: string, key: string, reason: string) {
    super(`${file}: ${key === "" ? reason : `"${key}" ${reason}`}`);
    this.file = file;
    this.key = key;
  }
}

/** A value as it is quoted in a message: JSON, cut when it is long. */
export function quoteValue(value: unknown): string {
  // JSON has no numbers that are too large: it says null.
  const text = typeof value === "number" ? String(value) : JSON.stringify(value) ?? String(value);
  return text.length <= MAX_QUOTED ? text : `${text.slice(0, MAX_QUOTED)}...`;
}

/** Characters of a value in a message. */
const MAX_QUOTED = 60;
