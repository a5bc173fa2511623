import { formatBytes, formatRate, formatSeconds } from "./format.ts";

/** Where progress is shown. */
export interface Screen {
  readonly isTerminal: boolean;
  /** Characters in a line. */
  columns(): number;
  write(text: string): void;
}

/** Milliseconds between two pictures of the bar. */
const REDRAW = 100;
/** Milliseconds between two plain lines. */
const LINE_EVERY = 1000;
const BAR_WIDTH = 30;
const USUAL_COLUMNS = 80;
const SPINNER = "|/-\\";

/** Standard error, as it is. */
export function standardError(): Screen {
  return {
    isTerminal: Deno.stderr.isTerminal(),
    columns: () => {
      try {
        // Some terminals say that they have none.
        return Deno.consoleSize().columns || USUAL_COLUMNS;
      } catch {
        return USUAL_COLUMNS;
      }
    },
    write: (text) => {
      const bytes = new TextEncoder().encode(text);
      for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
    },
  };
}

/** What one path has carried. */
export interface Part {
  readonly label: string;
  readonly bytes: number;
}

/**
 * How far a transfer is: a bar that moves on a terminal, a plain line a second elsewhere. With several paths there is a bar
 * for each, and one for all.
 */
export class Progress {
  readonly #screen: Screen;
  readonly #label: string;
  readonly #total: number | undefined;
  readonly #startedAt: number;
  readonly #meters = new Map<string, Meter>();
  #shownAt: number;
  #pictures = 0;
  #lines = 0;

  /** `total`: bytes to come, if that is known. */
  constructor(screen: Screen, label: string, total: number | undefined, now: number) {
    this.#screen = screen;
    this.#label = label;
    this.#total = total;
    this.#startedAt = now;
    this.#shownAt = now;
  }

  /** So many bytes are there now; `parts` is asked when something is due to be shown, which is cheap to find out. */
  update(bytes: number, now: number, parts: () => readonly Part[] = () => []): void {
    const since = now - this.#shownAt;
    if (since < (this.#screen.isTerminal ? REDRAW : LINE_EVERY)) return;
    const paths = parts();
    const shown = paths.length > 1 ? paths : [];
    this.#shownAt = now;
    this.#pictures += 1;
    const rate = this.#rate("", bytes, since);
    const rates = shown.map((part, at) => this.#rate(`${at} ${part.label}`, part.bytes, since));
    if (this.#screen.isTerminal) this.#draw({ bytes, rate, now }, shown, rates);
    else this.#screen.write(`${this.#label} ${this.#text(bytes, rate)}  ${this.#elapsed(now)}${inBrackets(shown)}\n`);
  }

  /** Takes the bars away: what follows stands at the beginning of a line. */
  end(): void {
    if (this.#lines > 0) this.#screen.write(`${this.#home()}\x1b[J`);
    this.#lines = 0;
  }

  #draw(total: { bytes: number; rate: number; now: number }, parts: readonly Part[], rates: readonly number[]): void {
    const width = Math.max(this.#label.length, ...parts.map(({ label }) => label.length));
    const rows = parts.map(({ label, bytes }, at) => this.#row(label.padEnd(width), bytes, rates[at]!));
    const { bytes, rate, now } = total;
    rows.push(`${this.#row(this.#label.padEnd(width), bytes, rate)}  ${this.#elapsed(now)}`);
    const room = Math.max(0, this.#screen.columns() - 1);
    const before = this.#home();
    this.#screen.write(before + rows.map((row) => `${row.slice(0, room)}\x1b[K`).join("\n"));
    this.#lines = rows.length;
  }

  #row(label: string, bytes: number, rate: number): string {
    return `${label} ${this.#bar(bytes)} ${this.#text(bytes, rate)}`;
  }

  /** To the beginning of the first line that was drawn. */
  #home(): string {
    return this.#lines > 1 ? `\r\x1b[${this.#lines - 1}A` : "\r";
  }

  #rate(key: string, bytes: number, since: number): number {
    const meter = this.#meters.get(key);
    const recent = (bytes - (meter?.bytes ?? 0)) * 1000 / since;
    const rate = meter === undefined || !this.#screen.isTerminal ? recent : 0.8 * meter.rate + 0.2 * recent;
    this.#meters.set(key, { bytes, rate });
    return rate;
  }

  #bar(bytes: number): string {
    if (this.#total === undefined) return SPINNER[this.#pictures % SPINNER.length]!;
    const share = this.#total === 0 ? 1 : Math.min(1, bytes / this.#total);
    const full = Math.round(share * BAR_WIDTH);
    return `[${"#".repeat(full)}${"-".repeat(BAR_WIDTH - full)}]`;
  }

  #text(bytes: number, rate: number): string {
    const share = this.#total === undefined || this.#total === 0
      ? ""
      : `${Math.floor(Math.min(1, bytes / this.#total) * 100).toString().padStart(3)} %  `;
    return `${share}${formatBytes(bytes)}  ${formatRate(rate)}`;
  }

  #elapsed(now: number): string {
    return formatSeconds((now - this.#startedAt) / 1000);
  }
}

/** What was shown last of one row. */
interface Meter {
  readonly bytes: number;
  readonly rate: number;
}

function inBrackets(parts: readonly Part[]): string {
  if (parts.length === 0) return "";
  return `  (${parts.map(({ label, bytes }) => `${label} ${formatBytes(bytes)}`).join(", ")})`;
}
