/**
 * Cuts TypeScript into tokens, just well enough to tell code from comments, strings, templates and regular expressions.
 *
 * @module
 */

/** One token of a source text. */
export interface Token {
  /** "word": names, keywords and numbers; "text": strings, parts of templates, regular expressions. */
  readonly kind: "word" | "text" | "mark";
  /** The word, the mark (one character), or a string's contents as written. */
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

const WORD = /[\p{ID_Continue}$#\u200c\u200d]/u;
/** Words after which a slash begins a regular expression. */
const OPERATOR_WORDS: ReadonlySet<string> = new Set(
  [
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "delete",
    "void",
    "throw",
    "new",
    "else",
    "do",
    "await",
    "yield",
    "instanceof",
  ],
);
const CONDITION_WORDS: ReadonlySet<string> = new Set(["if", "while", "for", "with"]);

/** The tokens of a text, without spaces and comments. */
export function tokenize(source: string): Token[] {
  return new Tokenizer(source).run();
}

class Tokenizer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  /** What closes each open bracket: a template's expression, or the index of the token before a parenthesis. */
  readonly #open: ("template" | "brace" | number)[] = [];
  #at = 0;
  #line = 1;
  /** Whether the parenthesis closed last held the condition of a statement. */
  #afterCondition = false;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    if (this.#source.startsWith("#!")) this.#skipLine();
    while (this.#at < this.#source.length) this.#step();
    return this.#tokens;
  }

  #step(): void {
    const char = this.#source.charAt(this.#at);
    const next = this.#source.charAt(this.#at + 1);
    if (char === "\n") this.#line++, this.#at++;
    else if (/\s/.test(char)) this.#at++;
    else if (char === "/" && next === "/") this.#skipLine();
    else if (char === "/" && next === "*") this.#skipComment();
    else if (char === '"' || char === "'") this.#string(char);
    else if (char === "`") this.#at++, this.#template();
    else if (char === "/" && this.#regexMayBegin() && this.#regex()) return;
    else if (WORD.test(char)) this.#word();
    else this.#mark(char);
  }

  #push(kind: Token["kind"], value: string, line = this.#line): void {
    this.#tokens.push({ kind, value, line });
  }

  #skipLine(): void {
    const end = this.#source.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#source.length : end;
  }

  #skipComment(): void {
    const end = this.#source.indexOf("*/", this.#at + 2);
    this.#advance(end < 0 ? this.#source.length : end + 2);
  }

  /** Moves on, counting lines. */
  #advance(to: number): void {
    for (let i = this.#at; i < to; i++) if (this.#source.charAt(i) === "\n") this.#line++;
    this.#at = to;
  }

  #string(quote: string): void {
    let end = this.#at + 1;
    while (end < this.#source.length && this.#source.charAt(end) !== quote) {
      end += this.#source.charAt(end) === "\\" ? 2 : 1;
    }
    this.#push("text", this.#source.slice(this.#at + 1, end));
    this.#advance(Math.min(end + 1, this.#source.length));
  }

  /** Reads a template up to its end, or up to an expression in it, which is code again. */
  #template(): void {
    let end = this.#at;
    while (end < this.#source.length) {
      const char = this.#source.charAt(end);
      if (char === "`") break;
      if (char === "$" && this.#source.charAt(end + 1) === "{") break;
      end += char === "\\" ? 2 : 1;
    }
    this.#push("text", this.#source.slice(this.#at, end));
    this.#advance(Math.min(end, this.#source.length));
    if (this.#source.charAt(this.#at) === "$") {
      this.#open.push("template");
      this.#push("mark", "{");
      this.#at += 2;
    } else {
      this.#at++;
    }
  }

  #regexMayBegin(): boolean {
    const last = this.#tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === "text") return false;
    if (last.kind === "word") return OPERATOR_WORDS.has(last.value);
    if (last.value === ")") return this.#afterCondition;
    if (last.value === "]") return false;
    const before = this.#tokens.at(-2);
    if (last.value === "+" || last.value === "-") return before?.value !== last.value;
    // `x! / 2`: an assertion, not a negation
    if (last.value === "!") return before === undefined || (before.kind === "mark" && !")]".includes(before.value));
    return true;
  }

  /** Reads a regular expression; `false` when the slash turns out to divide. */
  #regex(): boolean {
    let inClass = false;
    for (let end = this.#at + 1; end < this.#source.length; end++) {
      const char = this.#source.charAt(end);
      if (char === "\n") return false;
      if (char === "\\") end++;
      else if (char === "[") inClass = true;
      else if (char === "]") inClass = false;
      else if (char === "/" && !inClass) {
        this.#push("text", this.#source.slice(this.#at, end + 1));
        this.#at = end + 1;
        while (/[a-z]/.test(this.#source.charAt(this.#at))) this.#at++;
        return true;
      }
    }
    return false;
  }

  #word(): void {
    let end = this.#at;
    while (end < this.#source.length && WORD.test(this.#source.charAt(end))) end++;
    this.#push("word", this.#source.slice(this.#at, end));
    this.#at = end;
  }

  #mark(char: string): void {
    this.#at++;
    if (char === "(") this.#open.push(this.#tokens.length - 1);
    if (char === "{") this.#open.push("brace");
    if (char === ")" || char === "}") {
      const opened = this.#open.pop();
      const before = typeof opened === "number" ? this.#tokens[opened] : undefined;
      this.#afterCondition = before?.kind === "word" && CONDITION_WORDS.has(before.value);
      this.#push("mark", char);
      if (opened === "template") this.#template();
      return;
    }
    this.#push("mark", char);
  }
}

/** One import or re-export of a module. */
export interface Import {
  readonly specifier: string;
  /** Erased at run time. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** All that a module imports: `import`, `export … from`, `import()` with a constant, and types by `import("…")`. */
export function importsOf(tokens: readonly Token[]): Import[] {
  const found: Import[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const word = tokens[i];
    if (word?.kind !== "word" || (word.value !== "import" && word.value !== "export")) continue;
    if (tokens[i - 1]?.value === "." && tokens[i - 1]?.kind === "mark") continue;
    const one = word.value === "import" ? readImport(tokens, i) : readExport(tokens, i);
    if (one !== undefined) found.push(one);
  }
  return found;
}

function readImport(tokens: readonly Token[], at: number): Import | undefined {
  const next = tokens[at + 1];
  if (next === undefined) return undefined;
  const line = next.line;
  if (next.kind === "text") return { specifier: next.value, typeOnly: false, line };
  if (next.value === "(") {
    const argument = tokens[at + 2];
    return argument?.kind === "text" ? { specifier: argument.value, typeOnly: false, line } : undefined;
  }
  if (next.value === "." || next.value === ":") return undefined;
  return readFrom(tokens, at + 1, next.value === "type" && tokens[at + 2]?.value !== "from");
}

function readExport(tokens: readonly Token[], at: number): Import | undefined {
  const typeOnly = tokens[at + 1]?.value === "type";
  const first = tokens[at + (typeOnly ? 2 : 1)]?.value;
  if (first !== "*" && first !== "{") return undefined;
  return readFrom(tokens, at + 1, typeOnly);
}

/** Reads `{ … } from "…"`; all of it is one clause of names, marks and `as`, so anything else ends it. */
function readFrom(tokens: readonly Token[], start: number, typeOnly: boolean): Import | undefined {
  for (let i = start; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    if (token.kind === "mark" && !"{},*".includes(token.value)) return undefined;
    if (token.kind === "word" && token.value === "from" && tokens[i + 1]?.kind === "text") {
      const names = tokens.slice(start, i);
      const specifier = (tokens[i + 1] as Token).value;
      return { specifier, typeOnly: typeOnly || namesAreTypes(names), line: token.line };
    }
    if (token.kind === "mark" && token.value === "}" && tokens[i + 1]?.value !== "from") return undefined;
  }
  return undefined;
}

/** `{ type A, type B }`: nothing of it is left at run time. */
function namesAreTypes(names: readonly Token[]): boolean {
  if (names[0]?.value !== "{" || names.length <= 2) return false;
  const text = names.slice(1, -1).map((t) => t.value).join(" ");
  return text.split(",").map((s) => s.trim()).filter((s) => s !== "").every((s) => s.startsWith("type "));
}

/** Where `pattern` (tokens in a row, such as `Date.now`) stands in the code, as lines. */
export function findSequence(tokens: readonly Token[], pattern: readonly Token[]): number[] {
  const lines: number[] = [];
  for (let i = 0; i + pattern.length <= tokens.length; i++) {
    const first = tokens[i] as Token;
    // A member of that name of something else is no global.
    if (i > 0 && tokens[i - 1]?.kind === "mark" && tokens[i - 1]?.value === ".") continue;
    if (pattern.every((p, n) => tokens[i + n]?.kind === p.kind && tokens[i + n]?.value === p.value)) {
      lines.push(first.line);
    }
  }
  return lines;
}

/** The same tokens with `a["b"]` and `a?.b` written as `a.b`, so that no spelling of a member escapes a search. */
export function normalizeMembers(tokens: readonly Token[]): Token[] {
  const out: Token[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    const [inner, close] = [tokens[i + 1], tokens[i + 2]];
    const isMember = token.value === "[" && token.kind === "mark" && inner?.kind === "text" && close?.value === "]" &&
      out.at(-1)?.kind === "word";
    if (isMember) {
      out.push({ kind: "mark", value: ".", line: token.line }, { kind: "word", value: inner.value, line: token.line });
      i += 2;
    } else if (token.kind === "mark" && token.value === "?" && inner?.value === ".") {
      continue;
    } else {
      out.push(token);
    }
  }
  return out;
}
