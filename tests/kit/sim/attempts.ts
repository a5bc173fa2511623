/**
 * What the attempts to connect of a run sent: one is the connection, the others are counted for their links.
 *
 * @module
 */
import type { Observer, TraceEvents, TraceName } from "../../../transport/base/observer.ts";
import type { Side } from "../scenario/types.ts";
import { copyOfData } from "../trace.ts";
import type { SideMetrics } from "./metrics.ts";

/** What an attempt that came to nothing sent over its link. */
export interface LostAttempt {
  /** The link's place in the scenario. */
  readonly link: number;
  /** Its client. */
  readonly client: SideMetrics;
  /** The server's end, if it came to be. */
  readonly server: SideMetrics;
}

/** What is counted and heard of the attempts of a run. */
export class Attempts {
  readonly #make: (side: Side, link: number) => SideMetrics;
  readonly #heard: { readonly client?: Observer; readonly server?: Observer };
  readonly #metrics: Record<Side, Map<number, SideMetrics>> = { client: new Map(), server: new Map() };
  readonly #held: { readonly link: number; readonly observer: HeldObserver }[] = [];
  /** The link of path 0. */
  #link = 0;

  /** `make` makes what counts; `heard` hears of the connection, and of no other attempt. */
  constructor(
    make: (side: Side, link: number) => SideMetrics,
    heard: { readonly client?: Observer; readonly server?: Observer } = {},
  ) {
    this.#make = make;
    this.#heard = heard;
  }

  /** What hears of a side's connection in the attempt over a link. */
  observerOf(side: Side, link: number): Observer {
    const metrics = this.#of(side, link);
    const heard = this.#heard[side];
    if (heard === undefined) return metrics;
    const observer = new HeldObserver(heard);
    this.#held.push({ link, observer });
    return both(metrics, observer);
  }

  /** It is the attempt over this link that is the connection. */
  decide(link: number): void {
    this.#link = link;
    for (const each of this.#held) if (each.link === link) each.observer.release();
  }

  /** The run is over: what was never decided is heard of the first. */
  settle(): void {
    this.decide(this.#link);
  }

  /** What the ends of the connection sent. */
  get metrics(): Readonly<Record<Side, SideMetrics>> {
    return { client: this.#of("client", this.#link), server: this.#of("server", this.#link) };
  }

  /** The other attempts. */
  get lost(): LostAttempt[] {
    const links = [...this.#metrics.client.keys()].filter((link) => link !== this.#link);
    return links.map((link) => ({ link, client: this.#of("client", link), server: this.#of("server", link) }));
  }

  #of(side: Side, link: number): SideMetrics {
    let metrics = this.#metrics[side].get(link);
    if (metrics === undefined) this.#metrics[side].set(link, metrics = this.#make(side, link));
    return metrics;
  }
}

/** Keeps what it hears until it is known whether anybody wants it. */
class HeldObserver implements Observer {
  readonly #observer: Observer;
  #held: (() => void)[] | undefined = [];

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  on<N extends TraceName>(name: N, data: TraceEvents[N], now: number): void {
    if (this.#held === undefined) return this.#observer.on(name, data, now);
    const copy = copyOfData(data, true);
    this.#held.push(() => this.#observer.on(name, copy, now));
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const tell of held) tell();
  }
}

/** Lets two observers hear the same. */
function both(first: Observer, second: Observer): Observer {
  return {
    on<N extends TraceName>(name: N, data: TraceEvents[N], now: number): void {
      first.on(name, data, now);
      second.on(name, data, now);
    },
  };
}
