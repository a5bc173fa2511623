/**
 * JSON, with the place of what is wrong in it: the runtime's parser does not always tell the place.
 *
 * @module
 */

/** The text is no JSON. */
export class JsonError extends Error {
  override name = "JsonError";
}

/** Deepest nesting that is read. */
const MAX_DEPTH = 64;

const SPACE = /[ \t\r\n]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/**
 * Reads JSON, in which no object has a key twice. Throws {@linkcode JsonError} that names line and column and says what was
 * expected there.
 */
export function parseJson(text: string): unknown {
  const bare = text.startsWith("\ufeff") ? text.slice(1) : text;
  new Walk(bare).all();
  return JSON.parse(bare);
}

/** Goes through a text without making anything of it. */
class Walk {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  all(): void {
    this.#value(0);
    if (this.#at < this.#text.length) throw this.#wrong("the end");
  }

  #value(depth: number): void {
    if (depth > MAX_DEPTH) throw this.#wrong(`at most ${MAX_DEPTH} levels`);
    this.#take(SPACE);
    const first = this.#text[this.#at];
    if (first === "{") this.#object(depth);
    else if (first === "[") this.#list("]", () => this.#value(depth + 1));
    else if (!this.#string() && !this.#take(SCALAR)) throw this.#wrong("a value");
    this.#take(SPACE);
  }

  #object(depth: number): void {
    const keys = new Set<unknown>();
    this.#list("}", () => this.#member(depth, keys));
  }

  #member(depth: number, keys: Set<unknown>): void {
    this.#take(SPACE);
    const from = this.#at;
    if (!this.#string()) throw this.#wrong("a key in quotes");
    const key: unknown = JSON.parse(this.#text.slice(from, this.#at));
    if (keys.has(key)) {
      throw new JsonError(`${this.#place(from)} has the key ${JSON.stringify(key)} again: expected it once`);
    }
    keys.add(key);
    this.#take(SPACE);
    if (this.#text[this.#at] !== ":") throw this.#wrong('":"');
    this.#at++;
    this.#value(depth + 1);
  }

  #list(end: string, entry: () => void): void {
    this.#at++;
    this.#take(SPACE);
    if (this.#text[this.#at] !== end) {
      entry();
      while (this.#text[this.#at] === ",") {
        this.#at++;
        entry();
      }
    }
    if (this.#text[this.#at] !== end) throw this.#wrong(`"," or "${end}"`);
    this.#at++;
  }

  /** Passes a string if one begins here. A walk by hand, for the stack that a pattern needs grows with the string. */
  #string(): boolean {
    if (this.#text[this.#at] !== '"') return false;
    this.#at++;
    while (this.#text[this.#at] !== '"') {
      const next = this.#text[this.#at];
      if (next === undefined || next < " ") throw this.#wrong("the quote that ends the text");
      if (next !== "\\") this.#at++;
      else if (!this.#take(ESCAPE)) throw this.#wrong("an escape such as \\n");
    }
    this.#at++;
    return true;
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found !== "";
  }

  #wrong(expected: string): JsonError {
    const found = this.#at < this.#text.length ? JSON.stringify(this.#text[this.#at]) : "the end";
    return new JsonError(`${this.#place(this.#at)} has ${found}: expected ${expected}`);
  }

  #place(at: number): string {
    const before = this.#text.slice(0, at).split("\n");
    return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  }
}
