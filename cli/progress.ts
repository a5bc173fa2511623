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

/** How far a transfer is: a bar that moves on a terminal, a plain line a second elsewhere. */
export class Progress {
  readonly #screen: Screen;
  readonly #label: string;
  readonly #total: number | undefined;
  readonly #startedAt: number;
  #shownAt: number;
  #shownBytes = 0;
  #rate = 0;
  #pictures = 0;
  #drawn = false;

  /** `total`: bytes to come, if that is known. */
  constructor(screen: Screen, label: string, total: number | undefined, now: number) {
    this.#screen = screen;
    this.#label = label;
    this.#total = total;
    this.#startedAt = now;
    this.#shownAt = now;
  }

  /** So many bytes are there now. Cheap when nothing is due to be shown. */
  update(bytes: number, now: number): void {
    const since = now - this.#shownAt;
    if (since < (this.#screen.isTerminal ? REDRAW : LINE_EVERY)) return;
    const recent = (bytes - this.#shownBytes) * 1000 / since;
    this.#rate = this.#pictures === 0 || !this.#screen.isTerminal ? recent : 0.8 * this.#rate + 0.2 * recent;
    this.#shownAt = now;
    this.#shownBytes = bytes;
    this.#pictures += 1;
    if (this.#screen.isTerminal) this.#draw(bytes, now);
    else this.#screen.write(`${this.#label} ${this.#text(bytes, now)}\n`);
  }

  /** Takes the bar away: what follows stands at the beginning of a line. */
  end(): void {
    if (this.#drawn) this.#screen.write("\r\x1b[K");
    this.#drawn = false;
  }

  #draw(bytes: number, now: number): void {
    const line = `${this.#label} ${this.#bar(bytes)} ${this.#text(bytes, now)}`;
    this.#screen.write(`\r${line.slice(0, Math.max(0, this.#screen.columns() - 1))}\x1b[K`);
    this.#drawn = true;
  }

  #bar(bytes: number): string {
    if (this.#total === undefined) return SPINNER[this.#pictures % SPINNER.length]!;
    const share = this.#total === 0 ? 1 : Math.min(1, bytes / this.#total);
    const full = Math.round(share * BAR_WIDTH);
    return `[${"#".repeat(full)}${"-".repeat(BAR_WIDTH - full)}]`;
  }

  #text(bytes: number, now: number): string {
    const share = this.#total === undefined || this.#total === 0
      ? ""
      : `${Math.floor(Math.min(1, bytes / this.#total) * 100).toString().padStart(3)} %  `;
    const elapsed = formatSeconds((now - this.#startedAt) / 1000);
    return `${share}${formatBytes(bytes)}  ${formatRate(this.#rate)}  ${elapsed}`;
  }
}
