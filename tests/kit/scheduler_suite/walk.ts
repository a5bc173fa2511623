/**
 * Random walks over views: a connection that is made up, whose figures fit together, asks a scheduler question after question,
 * and looks at each answer. Thousands of situations in milliseconds, those among them that a real network seldom gets into.
 *
 * @module
 */
import type { Scheduler, SchedulerEvent, SchedulerFactory, Work, WorkKind } from "../../../schedulers/mod.ts";
import { Random } from "../random.ts";
import { connectionView, type PlainConnection, workOf } from "../views.ts";
import {
  ask,
  checkMade,
  checkReinjection,
  isMistake,
  type Mistake,
  type MistakeKind,
  readAnswer,
  type SoundAnswer,
} from "./answer.ts";
import { WalkPath } from "./walk_path.ts";

/** What a walk is like. */
export interface WalkOptions {
  /** All that is random comes from it. */
  readonly seed: number;
  /** Steps in time; each has up to some ten questions. */
  readonly steps: number;
  /** Paths at the beginning. Default 3. */
  readonly paths?: number;
  /** Chance in each step that a path comes, goes, falls silent, answers again, or changes its status. Default 0. */
  readonly churn?: number;
  /** Chance in each step that all paths are full for a while. Default 0. */
  readonly blocks?: number;
  /** Chance before each question that another scheduler of the kind takes over. Default 0. */
  readonly swaps?: number;
  /** Whether the first path is available and answers all the time. Default false. */
  readonly hasSteady?: boolean;
}

/** A mistake, and in which step. */
export interface WalkMistake extends Mistake {
  /** From 0. */
  readonly step: number;
}

/** What came of a walk. */
export interface WalkResult {
  /** All mistakes, in order. */
  readonly mistakes: readonly WalkMistake[];
  /** All answers, in order. */
  readonly answers: readonly string[];
}

/** Paths at most, and questions in one step. */
const MOST_PATHS = 5;
const MOST_QUESTIONS = 12;
/** A walk ends after so many mistakes: it will not get better. */
const MOST_MISTAKES = 20;
/** How long all paths are full: milliseconds, at most. */
const LONGEST_BLOCK = 400;

/** Lets a scheduler answer for a connection that is made up. */
export function walk(factory: SchedulerFactory, options: WalkOptions): WalkResult {
  const walker = new Walker(factory, options);
  for (let step = 0; step < options.steps && walker.mistakes.length < MOST_MISTAKES; step++) walker.step(step);
  return walker;
}

class Walker implements WalkResult {
  readonly mistakes: WalkMistake[] = [];
  readonly answers: string[] = [];
  readonly #factory: SchedulerFactory;
  readonly #options: WalkOptions;
  readonly #random: Random;
  readonly #hostRandom: Random;
  readonly #view: PlainConnection = connectionView([], { now: 1000, backlog: 0 });
  #paths: WalkPath[] = [];
  #scheduler: Scheduler | undefined;
  #nextId = 0;
  #step = 0;
  #lost = 0;
  #lostOn = -1;
  #datagrams = 0;
  #wakeAt = Infinity;

  constructor(factory: SchedulerFactory, options: WalkOptions) {
    this.#factory = factory;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#hostRandom = this.#random.fork("host");
    this.#make();
    for (let i = 0; i < (options.paths ?? 3); i++) this.#open(i === 0 && options.hasSteady === true);
  }

  step(step: number): void {
    this.#step = step;
    const random = this.#random;
    const view = this.#view;
    view.now += random.chance(0.05) ? random.int(600) : random.next() * 12;
    for (const path of [...this.#paths]) this.#pass(path);
    if (view.now >= this.#wakeAt) {
      this.#wakeAt = Infinity;
      this.#tell({ type: "wake" });
    }
    if (random.chance(this.#options.churn ?? 0)) this.#change();
    if (random.chance(this.#options.blocks ?? 0)) {
      const until = view.now + random.int(LONGEST_BLOCK);
      for (const path of this.#paths) path.block(until, view.now);
    }
    this.#write();
    this.#askAll();
    this.#checkAcks();
  }

  /** The application and the peer do something. */
  #write(): void {
    const random = this.#random;
    const view = this.#view;
    if (random.chance(0.5)) view.backlog += random.int(random.chance(0.2) ? 200_000 : 5000);
    if (random.chance(0.1)) this.#datagrams += random.int(5);
    view.sendWindow = random.chance(0.2) ? 1200 + random.int(50_000) : 1_000_000;
    if (!random.chance(0.05)) return;
    const value = random.int(4000);
    view.signals.set("bufferMs", value);
    this.#tell({ type: "signal", name: "bufferMs", value });
  }

  #pass(path: WalkPath): void {
    const { id } = path.view;
    const { acked, lost, hasProbed } = path.pass(this.#view.now);
    if (acked > 0) this.#tell({ type: "ack", path: id, bytes: acked });
    if (hasProbed) this.#tell({ type: "pto", path: id, count: path.view.ptoCount });
    if (lost === 0) return;
    this.#lost += lost;
    this.#lostOn = id;
    this.#tell({ type: "loss", path: id, bytes: lost });
    if (this.#usable.length > 1 && path.isUsable) this.#suspend(path);
  }

  get #usable(): WalkPath[] {
    return this.#paths.filter((path) => path.isUsable);
  }

  /** One path comes, goes, or is not what it was. */
  #change(): void {
    const random = this.#random;
    const path = this.#paths[random.int(this.#paths.length)]!;
    const what = random.int(5);
    if (what === 0 && this.#paths.length < MOST_PATHS) return this.#open(false);
    if (path.isSteady) return;
    if (what === 1 && this.#usable.some((other) => other !== path)) return this.#close(path);
    if (what === 2) return path.setSilent(true);
    if (what === 3) return this.#revive(path);
    path.view.status = path.view.status === "backup" ? "available" : "backup";
    this.#tell({ type: "status", path: path.view.id, status: path.view.status });
  }

  #open(isSteady: boolean): void {
    const path = new WalkPath(this.#nextId++, this.#random.fork(`path ${this.#nextId}`), this.#view.now, isSteady);
    const { id, label } = path.view;
    this.#tell({ type: "path-opened", path: id, label });
    this.#paths.push(path);
    this.#list();
    this.#tell({ type: "path-usable", path: id, label });
  }

  #close(path: WalkPath): void {
    this.#lost += path.view.inFlight;
    this.#lostOn = path.view.id;
    this.#paths = this.#paths.filter((other) => other !== path);
    this.#list();
    this.#tell({ type: "path-closed", path: path.view.id, label: path.view.label, reason: "walk" });
  }

  #suspend(path: WalkPath): void {
    path.isUsable = false;
    this.#list();
    this.#tell({ type: "path-suspended", path: path.view.id, label: path.view.label, reason: "silent" });
  }

  #revive(path: WalkPath): void {
    path.setSilent(false);
    if (path.isUsable) return;
    path.isUsable = true;
    this.#list();
    this.#tell({ type: "path-usable", path: path.view.id, label: path.view.label });
  }

  #list(): void {
    this.#view.paths = Object.freeze(this.#usable.map((path) => path.view));
  }

  #askAll(): void {
    const { now } = this.#view;
    for (let i = 0; i < MOST_QUESTIONS; i++) {
      for (const path of this.#paths) path.open(now);
      const kind = this.#nextKind();
      if (kind === undefined) break;
      if (!this.#askFor(this.#workOf(kind))) break;
    }
    this.#offerAgain();
  }

  /** Offers what is in flight on a path once more: when the path is silent, or the scheduler wants it. */
  #offerAgain(): void {
    const word = ask<unknown>(() => this.#scheduler?.reinjection);
    const wantsAll = word === "when-idle" || word === "before-new";
    const busy = this.#usable.filter(({ view }) => view.inFlight > 0 && (wantsAll || view.ptoCount > 0));
    if (busy.length === 0) return;
    const { id, inFlight } = busy[this.#random.int(busy.length)]!.view;
    this.#askFor(workOf({ kind: "reinject", bytes: inFlight, lastPath: id, firstSentAt: this.#view.now - 100 }));
  }

  #nextKind(): WorkKind | undefined {
    if (this.#lost > 0) return "retransmit";
    if (this.#datagrams > 0 && this.#random.chance(0.5)) return "datagram";
    return this.#view.backlog > 0 ? "stream" : this.#datagrams > 0 ? "datagram" : undefined;
  }

  #workOf(kind: WorkKind): Work {
    const { now, backlog } = this.#view;
    const urgency = this.#random.int(8);
    const deadline = this.#random.chance(0.8) ? Infinity : now + this.#random.int(200);
    if (kind === "datagram") {
      return workOf({ kind, bytes: 100 + this.#random.int(1000), streamId: -1, urgency, deadline });
    }
    const streamId = 4 * this.#random.int(6);
    if (kind === "stream") return workOf({ kind, bytes: backlog, streamId, urgency });
    return workOf({ kind, bytes: this.#lost, streamId, urgency, lastPath: this.#lostOn, firstSentAt: now - 50 });
  }

  /** Asks, looks at the answer, and does what it says; `false`: nothing was sent. */
  #askFor(work: Work): boolean {
    if (this.#random.chance(this.#options.swaps ?? 0)) this.#make();
    const scheduler = this.#scheduler;
    if (scheduler === undefined) return false;
    const wrongWord = checkReinjection(scheduler);
    if (wrongWord !== undefined) this.#note(wrongWord);
    const raw = ask<unknown>(() => scheduler.schedule(work, this.#view));
    const answer = isMistake(raw) ? raw : readAnswer(raw, this.#view);
    if (isMistake(answer)) {
      this.#note(answer);
      return false;
    }
    this.answers.push(`${work.kind} on ${[answer.path, ...answer.copies].join("+")}`);
    this.#judge(work, answer);
    return this.#carryOut(work, answer);
  }

  #judge(work: Work, { path, copies }: SoundAnswer): void {
    const { paths } = this.#view;
    const chosen = paths.find(({ id }) => id === path);
    const couldSend = paths.some(({ room }) => room > 0) && paths.every(({ inFlight }) => inFlight === 0);
    if (couldSend && work.kind !== "reinject" && (chosen === undefined || chosen.room === 0)) {
      const did = chosen === undefined ? "held" : `named path ${path}, which has no room, for`;
      this.#add("held", `${did} ${work.bytes} bytes (${work.kind}) with nothing in flight: expected it to send`);
    }
    const steady = this.#paths.find((one) => one.isSteady && one.isUsable)?.view.id;
    // What was lost on the one path that works may be in doubt there.
    if (steady === undefined || (work.kind === "retransmit" && work.lastPath === steady)) return;
    for (const id of [path, ...copies]) {
      if (paths.find((one) => one.id === id)?.status !== "backup") continue;
      this.#add("backup", `used path ${id}, a backup, for ${work.kind}: expected path ${steady}, which works`);
    }
  }

  #carryOut(work: Work, { path, copies }: SoundAnswer): boolean {
    const { now } = this.#view;
    let bytes = 0;
    for (const id of [path, ...copies]) {
      const its = this.#paths.find(({ view }) => view.id === id);
      if (its === undefined || its.view.room === 0) {
        if (id === path) return false;
        continue;
      }
      bytes = Math.min(work.bytes, its.view.mtu);
      its.send(bytes, now);
    }
    if (work.kind === "stream") this.#view.backlog -= bytes;
    if (work.kind === "retransmit") this.#lost -= bytes;
    if (work.kind === "datagram") this.#datagrams--;
    return true;
  }

  #checkAcks(): void {
    const scheduler = this.#scheduler;
    const { paths } = this.#view;
    if (scheduler?.ackPath === undefined || paths.length === 0) return;
    const on = paths[this.#random.int(paths.length)]!.id;
    const answer = ask<unknown>(() => scheduler.ackPath?.(on, this.#view));
    if (isMistake(answer)) this.#note(answer);
    else if (!paths.some(({ id }) => id === answer)) {
      this.#add("unusable", `acknowledges what came on path ${on} on path ${String(answer)}: expected a usable one`);
    }
  }

  #make(): void {
    this.#wakeAt = Infinity;
    const made = ask(() =>
      this.#factory({
        random: () => this.#hostRandom.next(),
        wakeAt: (time) => this.#wakeAt = time,
        probe() {},
        setStatus() {},
        log() {},
      })
    );
    const mistake = isMistake(made) ? made : checkMade(made);
    if (mistake !== undefined) this.#note(mistake);
    else this.#scheduler = made as Scheduler;
  }

  #tell(event: SchedulerEvent): void {
    const told = ask(() => this.#scheduler?.onEvent?.(event, this.#view));
    if (isMistake(told)) this.#note({ kind: told.kind, what: `${told.what} when told of "${event.type}"` });
  }

  #note({ kind, what }: Mistake): void {
    this.#add(kind, what);
  }

  #add(kind: MistakeKind, what: string): void {
    this.mistakes.push({ kind, what, step: this.#step });
  }
}
