/**
 * Runs a scenario: a world, the real client and server in it, what happens to them, and what came of it.
 *
 * @module
 */
import type { Frame } from "../../../transport/wire/frames/types.ts";
import type { App } from "../app.ts";
import type { LoadContext, RunningLoad } from "../loads/load.ts";
import { makeLoads } from "../loads/make.ts";
import type { Scenario, ScenarioResult, Side } from "../scenario/types.ts";
import { Attempts } from "./attempts.ts";
import { Deaths } from "./deaths.ts";
import { Ledger } from "./ledger.ts";
import { SideMetrics } from "./metrics.ts";
import { hasDeaths, type RunScenarioOptions, spacesOf } from "./options.ts";
import { emptyResult, fillResult } from "./result.ts";
import { Routes } from "./routes.ts";
import { Script } from "./script.ts";
import { type Cast, Stage } from "./stage.ts";

/** When the milestones of a run were; -1: they were not. */
export interface Milestones {
  /** The client's handshake was confirmed. */
  confirmed: number;
  /** All paths of `openMs` 0 were validated at both ends. */
  validated: number;
}

/**
 * Runs a scenario to its end in virtual time. The same scenario, seed and options give the same packets to the byte. What goes
 * wrong in the run (a wrong byte, a connection that ends early, the limit of time, something that cannot be) is told in the
 * result's `error`; nothing is thrown.
 */
export function runScenario(scenario: Scenario, options: RunScenarioOptions = {}): ScenarioResult {
  const { clock = () => 0 } = options;
  const startedAt = clock();
  const result = emptyResult(scenario, options);
  try {
    new Run(scenario, options).play(result);
  } catch (error) {
    result.completed = false;
    result.error = wordsOf(error);
  }
  result.wallMs = clock() - startedAt;
  return result;
}

/** Everything of one run. */
export class Run {
  /** When what happened. */
  readonly milestones: Milestones = { confirmed: -1, validated: -1 };
  /** What was delivered. */
  readonly ledger: Ledger = new Ledger();
  /** How links died. */
  readonly deaths: Deaths;
  /** The attempts to connect, of which one is the connection. */
  readonly attempts: Attempts;
  /** The world. */
  readonly stage: Stage;
  /** Its paths. */
  readonly routes: Routes;
  /** What the applications do. */
  readonly loads: readonly RunningLoad[];
  /** What tells the goodput of cross traffic up to a time. */
  readonly cross: readonly ((end: number) => number)[];
  readonly #scenario: Scenario;
  readonly #options: RunScenarioOptions;
  readonly #script: Script;

  /** Throws for a scenario that cannot be. */
  constructor(scenario: Scenario, options: RunScenarioOptions) {
    this.#scenario = scenario;
    this.#options = options;
    const isShared = spacesOf(scenario) === "single";
    this.deaths = new Deaths(hasDeaths(scenario));
    this.attempts = new Attempts((side, link) => {
      const linkOf = (path: number): number => path === 0 ? link : this.routes.linkOf(path);
      return new SideMetrics(
        (path, frames, now) => this.#onPacket(side, linkOf(path), frames, now),
        (path, stream, from, to) => this.deaths.onLost(side, linkOf(path), stream, from, to),
        isShared,
      );
    }, options.observers);
    let loads: readonly RunningLoad[] = [];
    this.stage = new Stage(scenario, options, (stage) => {
      loads = makeLoads(scenario.load, this.#context(stage));
      return this.#cast(loads);
    });
    this.loads = loads;
    this.routes = new Routes(scenario, this.stage);
    this.#script = new Script(scenario, this.stage, this.routes, this.deaths);
    this.cross = scenario.cross.map((each, i) => this.stage.addCross(each, i));
    this.#script.begin("start", 0);
  }

  /** Runs until all is done, it cannot be any more, or the limit is reached; fills in the result, also when it throws. */
  play(result: ScenarioResult): void {
    const { world } = this.stage;
    try {
      const end = world.run({ until: () => this.#isOver, limit: this.#scenario.limit });
      const { error } = this.stage;
      result.completed = this.#isDone;
      if (result.completed) return;
      if (error !== undefined) throw new Error(`The connection ended at ${world.now} ms: ${wordsOf(error)}`);
      const missing = this.loads.filter((load) => !load.isDone).map((load) => load.missing).join(", ");
      const when = end === "limit" ? `at the limit of ${this.#scenario.limit} ms` : `when nothing more happens`;
      throw new Error(`Not complete ${when}: ${missing}`);
    } finally {
      this.attempts.settle();
      fillResult(result, this.#scenario, this);
      this.#nameSchedulers(result);
      this.#tellOfSchedulers();
    }
  }

  /** A scheduler in place of a mode has a name of its own. */
  #nameSchedulers(result: ScenarioResult): void {
    for (const side of ["client", "server"] as const) {
      const given = this.#options.schedulers?.[side] !== undefined;
      if (given) result[side] = this.stage[side]?.schedulerName ?? result[side];
    }
  }

  #tellOfSchedulers(): void {
    for (const side of ["client", "server"] as const) {
      const connection = this.stage[side];
      if (connection !== undefined) this.#options.onScheduler?.(side, connection.stats().scheduler);
    }
  }

  get #isDone(): boolean {
    return this.loads.every((load) => load.isDone);
  }

  get #isOver(): boolean {
    return this.stage.error !== undefined || this.#isDone;
  }

  #context(stage: Stage): LoadContext {
    return {
      at: (time, run) => stage.world.at(time, run),
      delivered: (direction, bytes, now) => {
        this.ledger.delivered(direction, bytes, now);
        this.#options.onDelivered?.(direction, bytes, now);
      },
      answered: (startedAt, now) => this.#options.onAnswered?.(startedAt, now),
      pin: (side, request, stream) => this.#pin(side, request, stream),
      pathOver: (side, link) => this.routes.over(side, link),
    };
  }

  #pin(side: Side, request: number, stream: number): boolean {
    const link = this.#scenario[side].pin.get(request);
    if (link === undefined) return true;
    const path = this.routes.over(side, link);
    if (path !== undefined && path >= 0) this.stage[side]?.pin(stream, path);
    return path !== undefined;
  }

  #cast(loads: readonly RunningLoad[]): Cast {
    // The script comes first: paths are opened before loads write.
    return {
      observerOf: (side, link) => this.attempts.observerOf(side, link),
      onWon: (link) => {
        this.attempts.decide(link);
        this.routes.beginOver(link);
      },
      clientApps: [this.#overseer("client"), ...loads.map((load) => load.client)],
      serverApps: [this.#overseer("server"), ...loads.map((load) => load.server)],
    };
  }

  /** Follows what happens at an end. */
  #overseer(side: Side): App {
    return {
      isDone: true,
      onEvent: (event, _connection, now) => {
        if (event.type === "confirmed" && side === "client") this.#onConfirmed(now);
        if (event.type === "path") this.routes.onEvent(side, event, now);
        const { milestones } = this;
        if (milestones.confirmed < 0 || milestones.validated >= 0 || !this.routes.areValidated) return;
        milestones.validated = now;
        this.#script.begin("validated", now);
      },
      poll: () => this.#script.poll(),
    };
  }

  #onConfirmed(now: number): void {
    this.milestones.confirmed = now;
    this.routes.begin(now);
    this.#script.begin("confirmed", now);
  }

  #onPacket(side: Side, link: number, frames: readonly Frame[], now: number): void {
    const isDead = this.#script.isDead(link, side === "client" ? "up" : "down");
    this.deaths.onSent(side, link, isDead, frames, now);
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
