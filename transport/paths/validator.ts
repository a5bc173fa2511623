/**
 * Path validation (RFC 9000 §8.2): PATH_CHALLENGE out and PATH_RESPONSE in, and the answers to the peer's challenges.
 *
 * | a route is | challenge() | frame written  | time for the next one | newest one lost | answered, 1200 bytes | answered, smaller | deadline        | heard |
 * |------------|-------------|----------------|-----------------------|-----------------|----------------------|-------------------|-----------------|-------|
 * | idle       | due         | –              | –                     | –               | –                    | –                 | –               | –     |
 * | due        | –           | waiting        | –                     | –               | idle, ok             | due again, ok     | failed, resting | –     |
 * | waiting    | –           | –              | due                   | due             | idle, ok             | due again, ok     | failed, resting | –     |
 * | resting    | due         | –              | –                     | –               | –                    | –                 | –               | due   |
 *
 * "Due again": an answer to a challenge in a smaller datagram validates the address, but not that 1200 bytes get through,
 * which another challenge must show (§8.2.1): its answer, or its acknowledgment, which proves nothing else (§8.2.3).
 *
 * "Resting": the address is validated, and then nothing at all was heard there, which says nothing of 1200 bytes: they are
 * asked for again when the path is heard.
 *
 * The deadline moves while the peer is heard on a path that is being opened, or of which only the size is in question,
 * {@linkcode MAX_VALIDATION_EXTENSIONS} times.
 *
 * Challenges keep to the rate of Initial packets: one at first, two after each PTO, which doubles (RFC 9002 §6.2).
 *
 * @module
 */
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import type { PathId } from "../base/role.ts";
import type { Frame, FrameKind, PathChallengeFrame, PathResponseFrame } from "../wire/frames/types.ts";

/** Datagrams with a PATH_CHALLENGE or PATH_RESPONSE are expanded to at least this size (RFC 9000 §8.2.1, §8.2.2). */
export const VALIDATION_DATAGRAM_SIZE = 1200;
/** Routes that may be under validation at the same time (RFC 10069 §7.2). */
export const MAX_VALIDATIONS = 8;
/** A validation fails after so many times the largest PTO (RFC 9000 §8.2.4). */
export const VALIDATION_TIMEOUT_PTOS = 3;
/**
 * How often a validation gets that time once more because the peer is heard on the path: then answers are lost, or held back.
 */
export const MAX_VALIDATION_EXTENSIONS = 2;
/** Challenges of one route whose answer still counts. */
export const MAX_OPEN_CHALLENGES = 8;
/** Answers owed on one route; when the peer asks more, the oldest are dropped. */
export const MAX_RESPONSES_PER_ROUTE = 4;
/** Routes on which answers can be owed at the same time; challenges on more are not answered. */
export const MAX_RESPONDING_ROUTES = 16;
/**
 * Challenges in the time in which, with its back-off, a PTO timer would fire once: apart, since what makes one be lost, a queue
 * that is full or a bit of bad radio, is over a little later. For Initial packets it would be two together (RFC 9002 §6.2.4).
 */
const CHALLENGES_PER_PTO = 2;
/** Bytes of the data in PATH_CHALLENGE and PATH_RESPONSE. */
const DATA_LENGTH = 8;
/** Bytes of a PATH_CHALLENGE or PATH_RESPONSE. */
const FRAME_SIZE = 1 + DATA_LENGTH;

/** What a {@linkcode Validator} asks of its surroundings. */
export interface ValidatorOptions {
  /** Fills the array with unpredictable bytes. */
  readonly random: (into: Uint8Array) => void;
  /** PTO of a route without back-off, from the initial RTT when it has no sample: milliseconds. */
  readonly pto: (path: PathId, route: number) => number;
  /** The largest PTO of all paths in use: milliseconds. */
  readonly maxPto: () => number;
  /** The route that a packet came in on; `undefined` leaves a challenge in it unanswered. */
  readonly routeOf: (packet: ReceivedPacket) => number | undefined;
  /**
   * Whether the peer gave a connection id that packets on the route can go with; until it does, nothing is due there (RFC
   * 10069 §3.1). Default: always.
   */
  readonly hasId?: (path: PathId, route: number) => boolean;
  /**
   * When the peer was last heard on a path, if it is that who is heard there: milliseconds. Default: nobody knows, and each
   * validation ends at its first deadline.
   */
  readonly heardAt?: (path: PathId) => number;
}

/** What came of a validation. */
export interface ValidationOutcome {
  /** The path that the route belongs to. */
  readonly path: PathId;
  /** The route's number. */
  readonly route: number;
  /** Whether the peer receives at the route's address. */
  readonly ok: boolean;
  /** Whether datagrams of 1200 bytes get there; when only this is missing, another outcome follows. */
  readonly mtuVerified: boolean;
  /** Milliseconds from challenge to answer, when both took this path. */
  readonly rttSample: number | undefined;
}

/** A route on which something is to be sent. */
export interface DueRoute {
  /** The path that the route belongs to. */
  readonly path: PathId;
  /** The route's number. */
  readonly route: number;
}

interface Challenge extends FrameRecord {
  readonly owner: Validator;
  readonly state: RouteState;
  readonly data: Uint8Array;
  readonly sentAt: number;
  /** Bytes of the datagram that carried it; 0 until it is finished. */
  datagramSize: number;
}

interface RouteState extends DueRoute {
  running: boolean;
  /** Challenges that may be sent now. */
  owed: number;
  /** Challenges that were not answered in time. */
  timeouts: number;
  resendAt: number;
  deadline: number;
  /** When the time that ends with the deadline began. */
  since: number;
  extensions: number;
  /** Whether the address is validated and only the size of 1200 bytes is not. */
  addressOk: boolean;
  open: Challenge[];
  responses: Uint8Array[];
}

/** Validates routes, and answers the peer when it does. */
export class Validator implements FrameOwner {
  /** Takes in challenges and answers. */
  readonly receives: readonly FrameKind[] = ["path_challenge", "path_response"];
  readonly #options: ValidatorOptions;
  readonly #routes = new Map<number, RouteState>();
  readonly #outcomes: ValidationOutcome[] = [];
  /** Routes whose validation begins when another has ended. */
  readonly #waiting: DueRoute[] = [];
  /** Routes of which the size is to be asked for when they are heard. */
  readonly #resting = new Set<RouteState>();
  #running = 0;

  /** Validates nothing before {@linkcode challenge}. */
  constructor(options: ValidatorOptions) {
    this.#options = options;
  }

  /**
   * Begins to validate a route; nothing changes when that is under way. `false` when {@linkcode MAX_VALIDATIONS} others
   * are: then it waits until one has ended and {@linkcode startWaiting} is called.
   */
  challenge(path: PathId, route: number, now: number): boolean {
    const known = this.#routes.get(route);
    if (known?.running === true) return true;
    if (this.#running >= MAX_VALIDATIONS) {
      if (!this.#waiting.some((due) => due.route === route)) this.#waiting.push({ path, route });
      return false;
    }
    const state = known ?? this.#stateOf(path, route);
    this.#running++;
    state.running = true;
    state.addressOk = this.#resting.delete(state);
    state.open = [];
    this.#restart(state, now);
    return true;
  }

  /** Begins what has waited, in order, as far as there is room for it; and what rested where the peer is heard again. */
  startWaiting(now: number): void {
    for (const state of this.#resting) if (this.#isHeard(state)) this.challenge(state.path, state.route, now);
    while (this.#waiting.length > 0 && this.#running < MAX_VALIDATIONS) {
      const { path, route } = this.#waiting.shift()!;
      this.challenge(path, route, now);
    }
  }

  /** Whether a validation of the route is under way. */
  isValidating(route: number): boolean {
    return this.#routes.get(route)?.running === true;
  }

  /** Gives up what is under way or waits on a route, without an outcome; answers owed there are dropped. */
  cancel(route: number): void {
    const index = this.#waiting.findIndex((due) => due.route === route);
    if (index >= 0) this.#waiting.splice(index, 1);
    const state = this.#routes.get(route);
    if (state === undefined) return;
    this.#stop(state);
    this.#resting.delete(state);
    state.responses = [];
    this.#tidy(state);
  }

  /** A route that has a challenge or an answer to send and passes `canSend`; valid until the next call. */
  nextDue(canSend: (path: PathId, route: number) => boolean): DueRoute | undefined {
    for (const state of this.#routes.values()) {
      const { path, route } = state;
      if (isDue(state) && this.#options.hasId?.(path, route) !== false && canSend(path, route)) return state;
    }
    return undefined;
  }

  /**
   * Whether a packet like this would carry a challenge or an answer, so that its datagram must be expanded to
   * {@linkcode VALIDATION_DATAGRAM_SIZE} bytes unless the amplification limit forbids it.
   */
  needsExpansion(target: PacketTarget): boolean {
    return this.hasFrames(target);
  }

  /** A datagram of that many bytes has left on the route: the size of the challenges written for it is known. */
  onDatagramSent(route: number, size: number): void {
    const state = this.#routes.get(route);
    if (state === undefined) return;
    for (const challenge of state.open) if (challenge.datagramSize === 0) challenge.datagramSize = size;
  }

  /** The next result, in order; `undefined` when there is none. */
  nextOutcome(): ValidationOutcome | undefined {
    return this.#outcomes.shift();
  }

  /** A challenge to answer, or an answer. */
  onFrame(frame: Frame, packet: ReceivedPacket): void {
    if (frame.kind === "path_challenge") this.#onChallenge(frame, packet);
    else if (frame.kind === "path_response") this.#onResponse(frame, packet);
  }

  /** Whether a packet like this has something to carry. */
  hasFrames(target: PacketTarget): boolean {
    if (this.#routes.size === 0 || target.level !== "application") return false;
    const state = this.#routes.get(target.route);
    return state !== undefined && state.path === target.path && isDue(state);
  }

  /** Writes the answers owed on the packet's route, and a challenge, never two. */
  writeFrames(packet: PacketWriter): void {
    if (!this.hasFrames(packet)) return;
    const state = this.#routes.get(packet.route)!;
    // One answer per challenge (RFC 9000 §8.2.2): no record, so that it is not repeated when it is lost.
    while (state.responses.length > 0 && packet.write({ kind: "path_response", data: state.responses[0]! })) {
      state.responses.shift();
    }
    if (state.owed > 0 && packet.room >= FRAME_SIZE) this.#writeChallenge(state, packet);
    this.#tidy(state);
  }

  /**
   * Proves nothing of the address: the peer may have acknowledged it over another way (RFC 9000 §8.2.3). Where only the size
   * is in question it shows that the datagram got there.
   */
  onAcked(record: FrameRecord, _now: number): void {
    const challenge = record as Challenge;
    const { state } = challenge;
    const isAsked = state.running && state.addressOk && state.open.includes(challenge);
    if (isAsked && challenge.datagramSize >= VALIDATION_DATAGRAM_SIZE) this.#finish(state, true, undefined);
  }

  /** The newest challenge is replaced by another. */
  onLost(record: FrameRecord, _now: number): void {
    const challenge = record as Challenge;
    const { state } = challenge;
    if (state.open.at(-1) === challenge && state.owed === 0) state.owed = 1;
  }

  /** When something is to be done; `Infinity`: never. */
  nextTimeout(): number {
    let at = Infinity;
    if (this.#running === 0) return at;
    for (const state of this.#routes.values()) {
      if (!state.running) continue;
      if (state.deadline < at) at = state.deadline;
      if (state.owed === 0 && state.resendAt < at) at = state.resendAt;
    }
    return at;
  }

  /** Asks for more challenges, or gives up, where it is time. */
  onTimeout(now: number): void {
    for (const state of this.#routes.values()) {
      if (!state.running) continue;
      if (now >= state.deadline && !this.#extend(state, now)) this.#giveUp(state);
      else if (state.owed === 0 && now >= state.resendAt) {
        state.timeouts++;
        state.owed = 1;
      }
    }
  }

  /** Another period, if the peer was heard in the last one. */
  #extend(state: RouteState, now: number): boolean {
    if (!this.#isHeard(state) || state.extensions === MAX_VALIDATION_EXTENSIONS) return false;
    state.extensions++;
    this.#beginPeriod(state, now);
    // Whatever the back-off says, each period asks at its beginning.
    state.resendAt = now;
    return true;
  }

  /** Nobody answered in time. Silence on a way that is known to be good says nothing of the size of 1200 bytes. */
  #giveUp(state: RouteState): void {
    if (!state.addressOk || this.#options.heardAt === undefined || this.#isHeard(state)) {
      this.#finish(state, false, undefined);
      return;
    }
    this.#stop(state);
    this.#resting.add(state);
  }

  /** Whether the peer was heard since the period began. */
  #isHeard({ path, since }: RouteState): boolean {
    return (this.#options.heardAt?.(path) ?? -Infinity) > since;
  }

  #onChallenge(frame: PathChallengeFrame, packet: ReceivedPacket): void {
    const route = this.#options.routeOf(packet);
    if (route === undefined) return;
    const known = this.#routes.get(route);
    if ((known === undefined || known.responses.length === 0) && this.#responding() >= MAX_RESPONDING_ROUTES) return;
    const state = known ?? this.#stateOf(packet.path, route);
    if (state.responses.length === MAX_RESPONSES_PER_ROUTE) state.responses.shift();
    state.responses.push(frame.data.slice());
  }

  /** An answer counts wherever it comes in (RFC 9000 §8.2.3); one that matches nothing is late, and ignored. */
  #onResponse(frame: PathResponseFrame, packet: ReceivedPacket): void {
    for (const state of this.#routes.values()) {
      const challenge = state.open.find((open) => sameData(open.data, frame.data));
      if (challenge === undefined) continue;
      const rtt = packet.path === state.path ? packet.now - challenge.sentAt : undefined;
      if (challenge.datagramSize >= VALIDATION_DATAGRAM_SIZE) this.#finish(state, true, rtt);
      else this.#onSmallAnswer(state, challenge, rtt, packet.now);
      return;
    }
  }

  /** The address is good; whether 1200 bytes arrive is asked with more challenges, unless some are on their way. */
  #onSmallAnswer(state: RouteState, challenge: Challenge, rttSample: number | undefined, now: number): void {
    state.open = state.open.filter((open) => open !== challenge && open.datagramSize >= VALIDATION_DATAGRAM_SIZE);
    if (state.addressOk) return;
    state.addressOk = true;
    const { path, route } = state;
    this.#outcomes.push({ path, route, ok: true, mtuVerified: false, rttSample });
    const onItsWay = state.open.length > 0;
    this.#restart(state, now);
    if (onItsWay) {
      state.owed = 0;
      state.resendAt = now + this.#options.pto(path, route);
    }
  }

  #writeChallenge(state: RouteState, packet: PacketWriter): void {
    const data = new Uint8Array(DATA_LENGTH);
    this.#options.random(data);
    const challenge: Challenge = { owner: this, state, data, sentAt: packet.now, datagramSize: 0 };
    if (!packet.write({ kind: "path_challenge", data }, challenge)) return;
    state.owed--;
    state.open.push(challenge);
    if (state.open.length > MAX_OPEN_CHALLENGES) state.open.shift();
    state.resendAt = packet.now + this.#options.pto(state.path, state.route) * patienceAfter(state.timeouts);
  }

  #restart(state: RouteState, now: number): void {
    state.owed = 1;
    state.timeouts = 0;
    state.extensions = 0;
    state.resendAt = Infinity;
    this.#beginPeriod(state, now);
  }

  #beginPeriod(state: RouteState, now: number): void {
    state.since = now;
    const pto = Math.max(this.#options.pto(state.path, state.route), this.#options.maxPto());
    state.deadline = now + VALIDATION_TIMEOUT_PTOS * pto;
  }

  #finish(state: RouteState, ok: boolean, rttSample: number | undefined): void {
    this.#outcomes.push({ path: state.path, route: state.route, ok, mtuVerified: ok, rttSample });
    this.#stop(state);
    this.#tidy(state);
  }

  #stop(state: RouteState): void {
    if (!state.running) return;
    this.#running--;
    state.running = false;
    state.owed = 0;
    state.open = [];
  }

  #stateOf(path: PathId, route: number): RouteState {
    let state = this.#routes.get(route);
    if (state === undefined) {
      const never = Infinity;
      const times = { resendAt: never, deadline: never, since: never, extensions: 0 };
      state = {
        path,
        route,
        running: false,
        owed: 0,
        timeouts: 0,
        ...times,
        addressOk: false,
        open: [],
        responses: [],
      };
      this.#routes.set(route, state);
    }
    return state;
  }

  /** Forgets a route on which there is nothing to do. */
  #tidy(state: RouteState): void {
    if (state.running || state.responses.length > 0 || this.#resting.has(state)) return;
    this.#routes.delete(state.route);
  }

  #responding(): number {
    let count = 0;
    for (const state of this.#routes.values()) if (state.responses.length > 0) count++;
    return count;
  }
}

/** For how many PTOs an answer to a challenge is waited for, after so many that were not answered: 1, then parts of 2, 4, ... */
function patienceAfter(timeouts: number): number {
  return timeouts === 0 ? 1 : 2 ** Math.ceil(timeouts / CHALLENGES_PER_PTO) / CHALLENGES_PER_PTO;
}

function isDue(state: RouteState): boolean {
  return state.owed > 0 || state.responses.length > 0;
}

function sameData(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
