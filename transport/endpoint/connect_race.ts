/** Milliseconds that an attempt to connect has for an answer before others begin beside it (RFC 8305 §5 has the same 250). */
export const ATTEMPT_DELAY = 250;
/** Attempts that are under way at once; another begins when one of them has failed. */
export const MAX_ATTEMPTS = 16;
/** Milliseconds by which answers may put off the start of the others in all: what answers again and again and never completes must not. */
export const MAX_PUT_OFF = 1000;

/** Where an attempt is. */
export type AttemptState = "waiting" | "running" | "won" | "failed" | "closed";

/**
 * Which attempts to connect begin when, which of them wins, and which are to be closed. It knows attempts by their place in the
 * list of what there is to try: (local address, server's address), preferred first.
 *
 * | attempt | event                                             | next    | and                                    |
 * |---------|---------------------------------------------------|---------|----------------------------------------|
 * | waiting | its time has come, fewer than 16 are under way    | running | a new connection: its TLS, ids, socket |
 * | running | its handshake is complete, the first one to be    | won     | waiting and running ones: closed       |
 * | running | its connection ended, or could not be made        | failed  | the next in time begin at once         |
 * | waiting, running | all are given up                         | closed  |                                        |
 *
 * The time of an attempt is fixed from the start of the race, unless
 * - one fails: then the times of all that wait move forward so that the next begin now;
 * - one that is under way has answered (a packet of the server's that could be opened) less than the delay ago: then they move
 *   back to that delay after the answer, by {@linkcode MAX_PUT_OFF} in all at most.
 *
 * An answer alone does not win: a path that answers the first packet and dies must not hold what others could do. The race is
 * lost when all have failed.
 */
export class ConnectRace {
  readonly #times: readonly number[];
  readonly #states: AttemptState[];
  readonly #startedAt: number;
  /** The time of those that were last to begin; earlier ones that wait only lack room. */
  #reached = -1;
  /** When the next after them are to begin. */
  #due: number;
  #winner: number | undefined;

  /**
   * `times`: for each attempt, the milliseconds after the start at which it begins when nothing was heard of those before. The
   * earliest begin at once. Throws `RangeError` when there is none, or a time is not a number from 0.
   */
  constructor(times: readonly number[], now: number) {
    if (times.length === 0) throw new RangeError("There is nothing to try: expected at least one attempt");
    const wrong = times.find((time) => !(time >= 0 && time < Infinity));
    if (wrong !== undefined) throw new RangeError(`Attempt begins after ${wrong} ms: expected a number from 0`);
    this.#times = [...times];
    this.#states = times.map(() => "waiting");
    this.#startedAt = this.#due = now;
  }

  /** The attempt that won. */
  get winner(): number | undefined {
    return this.#winner;
  }

  /** Whether all have failed. */
  get isLost(): boolean {
    return this.#states.every((state) => state === "failed");
  }

  /** Whether nothing is to be decided any more. */
  get isOver(): boolean {
    return !this.#states.some((state) => state === "waiting" || state === "running");
  }

  /** Where an attempt is. */
  stateOf(index: number): AttemptState {
    return this.#states[index] ?? "closed";
  }

  /** When `begin` is to be called next; Infinity: not by itself. */
  nextTimeout(): number {
    const next = this.#nextTime(-1);
    if (next === Infinity || !this.#hasRoom) return Infinity;
    return next > this.#reached ? this.#due : -Infinity;
  }

  /**
   * The next attempt that is to begin now, which counts as under way from now on; `undefined`: none. To be called until there
   * is none, at the start, at `nextTimeout`, and after `fail`. `answeredAt` tells when an attempt last heard of the server.
   */
  begin(now: number, answeredAt: (index: number) => number): number | undefined {
    const next = this.#nextTime(-1);
    if (next === Infinity || !this.#hasRoom) return undefined;
    if (next > this.#reached) {
      if (this.#reached >= 0) this.#putOff(next, answeredAt);
      if (this.#due > now) return undefined;
      this.#reach(next, now);
    }
    const index = this.#times.findIndex((time, i) => time === next && this.#states[i] === "waiting");
    this.#states[index] = "running";
    return index;
  }

  /** An attempt's handshake is complete; returns whether it won by that. */
  complete(index: number): boolean {
    if (this.#states[index] !== "running" || this.#winner !== undefined) return false;
    this.#states[index] = "won";
    this.#winner = index;
    return true;
  }

  /** An attempt's connection ended, or could not be made. */
  fail(index: number, now: number): void {
    if (this.#states[index] !== "running") return;
    this.#states[index] = "failed";
    this.hurry(now);
  }

  /** The next in time are to begin now: an attempt that is under way has little hope left. */
  hurry(now: number): void {
    const next = this.#nextTime(-1);
    if (next < Infinity && next > this.#reached) this.#reach(next, now);
  }

  /** Ends the race; returns the attempts under way, which are to be closed. */
  end(): number[] {
    const running: number[] = [];
    this.#states.forEach((state, index) => {
      if (state === "running") running.push(index);
      if (state === "running" || state === "waiting") this.#states[index] = "closed";
    });
    return running;
  }

  get #hasRoom(): boolean {
    return this.#states.filter((state) => state === "running").length < MAX_ATTEMPTS;
  }

  /** The earliest time after `above` of any attempt that waits. */
  #nextTime(above: number): number {
    let next = Infinity;
    this.#times.forEach((time, i) => {
      if (this.#states[i] === "waiting" && time > above && time < next) next = time;
    });
    return next;
  }

  /** It is the turn of those with this time. */
  #reach(time: number, now: number): void {
    this.#reached = time;
    this.#due = now + this.#nextTime(time) - time;
  }

  #putOff(next: number, answeredAt: (index: number) => number): void {
    let last = -Infinity;
    this.#states.forEach((state, index) => {
      if (state === "running") last = Math.max(last, answeredAt(index));
    });
    const until = Math.min(last + next - this.#reached, this.#startedAt + next + MAX_PUT_OFF);
    this.#due = Math.max(this.#due, until);
  }
}

/** Something to send from, and where it may reach the server. */
export interface RaceEntry<L, R> {
  /** What is sent from. */
  readonly from: L;
  /** The server's addresses that it can reach, preferred first. */
  readonly to: readonly R[];
  /** When its first attempt begins, in milliseconds. Default: 0 for the first entry, {@linkcode ATTEMPT_DELAY} for the others. */
  readonly after?: number | undefined;
}

/** One attempt of a race. */
export interface RaceCandidate<L, R> {
  /** What is sent from. */
  readonly from: L;
  /** Where to. */
  readonly to: R;
  /** When it begins; see `ConnectRace`. */
  readonly time: number;
}

/**
 * All ways from the entries to the server's addresses. The first entry begins; the others are tried beside it
 * {@linkcode ATTEMPT_DELAY} later, all at once. Of each, one address of the server's is tried after the other, `addressDelay`
 * apart.
 */
export function raceCandidates<L, R>(
  entries: readonly RaceEntry<L, R>[],
  addressDelay: number = ATTEMPT_DELAY,
): RaceCandidate<L, R>[] {
  const all = entries.flatMap(({ from, to, after }, i) =>
    to.map((each, k) => ({ from, to: each, time: (after ?? (i === 0 ? 0 : ATTEMPT_DELAY)) + k * addressDelay }))
  );
  return all.sort((a, b) => a.time - b.time);
}
