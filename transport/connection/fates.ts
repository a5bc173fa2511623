import type { KeyRing } from "../../crypto/key_ring.ts";
import type { AckedBatch } from "../../recovery/congestion/controller.ts";
import { detectLoss, K_PACKET_THRESHOLD, type LossResult } from "../../recovery/loss.ts";
import type { AckResult, SentPacket } from "../../recovery/sent_packets.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord, ReceivedPacket } from "../base/frame_owner.ts";
import type { Level, PathId } from "../base/role.ts";
import type { PathSet } from "../paths/path_set.ts";
import { LEVEL_INDEX, type Route } from "../paths/route.ts";
import type { AckFrame, Frame } from "../wire/frames/types.ts";
import type { Context } from "./context.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Space, Spaces } from "./spaces.ts";

type Sent = SentPacket<FrameRecord>;
/** Why a packet counts as lost. */
export type LostTrigger = "reordering_threshold" | "time_threshold" | "path_abandoned" | "migration";

/** Microseconds in a unit of ACK Delay before the peer's exponent is known (RFC 9000 §18.2). */
const DEFAULT_ACK_DELAY_EXPONENT = 3;
/** PTOs for which a lost packet is remembered, so that its late acknowledgement shows that it was not lost. */
const LOST_KEPT_PTOS = 3;

/** Who else wants to know. */
export interface FateEvents {
  /** Packets of so many bytes were acknowledged on the route. */
  onAcked(route: Route, bytes: number, now: number): void;
  /** Packets of so many bytes were declared lost on the route. */
  onLost(route: Route, bytes: number, now: number): void;
  /** Whether a path id has been a path and is over; throws `TransportError` when there may be no such path. */
  isOver(path: PathId): boolean;
}

/**
 * What becomes of the packets that were sent (RFC 9002 appendix A): acknowledgements in, then for every packet its frames'
 * owners, its route's window and round-trip time. It owns ACK frames on their way in.
 */
export class Fates implements FrameOwner {
  readonly receives = ["ack"] as const;
  readonly #context: Context;
  readonly #lifecycle: Lifecycle;
  readonly #spaces: Spaces;
  readonly #paths: PathSet;
  readonly #keys: KeyRing;
  readonly #onProgress: (route: Route, level: Level, newestSentAt: number, now: number) => void;
  readonly #events: FateEvents;

  constructor(
    context: Context,
    lifecycle: Lifecycle,
    spaces: Spaces,
    paths: PathSet,
    keys: KeyRing,
    onProgress: (route: Route, level: Level, newestSentAt: number, now: number) => void,
    events: FateEvents,
  ) {
    this.#events = events;
    this.#context = context;
    this.#lifecycle = lifecycle;
    this.#spaces = spaces;
    this.#paths = paths;
    this.#keys = keys;
    this.#onProgress = onProgress;
  }

  onFrame(frame: Frame, packet: ReceivedPacket): void {
    const ack = frame as AckFrame;
    const path = ack.path ?? 0;
    if (ack.path !== undefined && this.#spaces.layout.isShared) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `PATH_ACK of path ${path} came although all paths share a packet number space: expected ACK`,
      );
    }
    const space = this.#spaces.get(packet.level, path);
    if (space === undefined) {
      if (packet.level !== "application" || this.#events.isOver(path)) return;
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `Packet ${ack.ranges[0]} of path ${path} was acknowledged but never sent`,
      );
    }
    const result = space.sent.ack(ack.ranges, this.#isShared(packet.level));
    if (result.unsent >= 0) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `Packet ${result.unsent} was acknowledged but never sent`,
      );
    }
    if (packet.level === "application") {
      this.#keys.onAcknowledged(this.#spaces.layout.noncePathOf(path), ack.ranges[0]!, packet.now);
    }
    for (const late of result.spurious) this.#onSpurious(late, this.#pathOf(late.route, ack), packet);
    this.#sample(result, ack, packet);
    const raised = this.#isShared(packet.level) ? this.#raise(space, result) : [];
    if (result.newlyAcked.length > 0) this.#apply(space, result, ack, packet);
    for (const route of raised) this.#detect(space, route, packet.level, this.#pathOf(route.number, ack), packet.now);
  }

  hasFrames(): boolean {
    return false;
  }
  writeFrames(): void {}
  onAcked(): void {}
  onLost(): void {}

  /** Looks for losses whose time has come. */
  onLossTimeout(level: Level, path: PathId, route: Route, now: number): void {
    const space = this.#spaces.get(level, path);
    if (space === undefined) route.lossAt[LEVEL_INDEX[level]] = Infinity;
    else this.#detect(space, route, level, path, now);
  }

  /** Everything in flight in the space on the route (all routes when absent) counts as lost, without being congestion. */
  giveUp(
    space: Space,
    level: Level,
    trigger: LostTrigger | undefined,
    now: number,
    route?: Route,
    path: PathId = 0,
  ): void {
    for (const packet of space.sent.drain(route?.number)) {
      const its = this.#paths.route(packet.route);
      if (its !== undefined) {
        if (packet.inFlight) its.inFlight -= packet.size;
        its.lossAt[LEVEL_INDEX[level]] = Infinity;
        its.probes[LEVEL_INDEX[level]] = 0;
      }
      if (trigger !== undefined) this.#traceLost(packet, level, path, trigger, now);
      for (const record of packet.records) record.owner.onLost(record, now);
    }
  }

  /** Takes the round-trip time that the frame tells, of the route of the packet that it begins with. */
  #sample(result: AckResult<FrameRecord>, ack: AckFrame, packet: ReceivedPacket): void {
    const named = result.isSample ? result.largest : result.early;
    const route = named === undefined ? undefined : this.#paths.route(named.route);
    if (
      named === undefined || (named === result.early && !named.ackEliciting) ||
      route?.takesSampleFrom(packet.path) !== true
    ) return;
    route.sample = packet.now - named.sentAt;
    const delay = this.#ackDelay(ack, packet.level);
    // A peer that holds all back has its delay in the round-trip time already: it must not count twice.
    const late = Math.min(delay, this.#peerMaxAckDelay(packet.level), route.sample - route.rtt.smoothed);
    route.ackDelays.sample(Math.max(0, late));
    route.rtt.sample(route.sample, delay, packet.now);
  }

  #isShared(level: Level): boolean {
    return level === "application" && this.#spaces.layout.isShared;
  }

  /**
   * Packets of a path may be lost in the light of a frame that begins with a packet of that path only: one of another path
   * may be cut anywhere below. Returns the path's routes.
   */
  #raise(space: Space, { largest, early }: AckResult<FrameRecord>): Route[] {
    const named = largest ?? early;
    const path = named === undefined ? undefined : this.#paths.pathOf(named.route);
    if (path === undefined) return [];
    const { route, previous, candidates } = path;
    const routes = previous === undefined ? [route, ...candidates] : [route, previous, ...candidates];
    for (const { number } of routes) space.sent.raise(number, number === named?.route ? named.order : Infinity);
    return routes;
  }

  #apply(space: Space, result: AckResult<FrameRecord>, ack: AckFrame, packet: ReceivedPacket): void {
    const { level, now } = packet;
    const batches = new Map<Route, Sent[]>();
    const before = new Map<Route, number>();
    for (const acked of result.newlyAcked) {
      const route = this.#paths.route(acked.route);
      if (route === undefined) continue;
      let batch = batches.get(route);
      if (batch === undefined) {
        batches.set(route, batch = []);
        before.set(route, route.inFlight);
      }
      batch.push(acked);
      if (acked.inFlight) route.inFlight -= acked.size;
    }
    const first = result.largest === undefined ? undefined : this.#paths.route(result.largest.route);
    if (first !== undefined) this.#checkEcn(first, result, ack, level, now);
    for (const [route, batch] of batches) {
      const path = this.#pathOf(route.number, ack);
      const isEcho = (ack.path !== undefined || this.#spaces.layout.isShared) && packet.path !== path;
      route.noteAcked(batch.length, newestOf(batch), isEcho, now);
      this.#onProgress(route, level, newestOf(batch), now);
      const outage = this.#detect(space, route, level, path, now);
      const since = outage === -Infinity ? batch : batch.filter((packet) => packet.sentAt > outage);
      this.#grow(route, batch, since, before.get(route) ?? 0, now);
      space.sent.forgetLostBefore(route.number, now - LOST_KEPT_PTOS * route.rtt.pto(this.#peerMaxAckDelay(level)));
    }
    for (const acked of result.newlyAcked) {
      for (const record of acked.records) record.owner.onAcked(record, now);
    }
    if (this.#context.observer !== undefined) this.#traceAcked(result.newlyAcked, level, ack, now);
    for (const [route, batch] of batches) this.#events.onAcked(route, sizeOf(batch), now);
  }

  /** `growing`: those of the packets whose arrival is a reason for a larger window. */
  #grow(
    route: Route,
    packets: Sent[],
    growing: Sent[],
    inFlightBefore: number,
    now: number,
  ): void {
    for (const packet of packets) {
      route.mtu.onAcked(packet.size, packet.probe, now);
      route.delivery.onAcked(packet, now);
    }
    route.delivery.sample(route.rtt.min);
    let bytes = 0;
    for (const packet of growing) if (packet.inFlight) bytes += packet.size;
    const batch: AckedBatch = {
      packets: growing,
      bytes,
      newestSentAt: newestOf(growing),
      rtt: route.rtt,
      rttSample: route.sample,
      inFlightBefore,
      appLimited: !route.windowLimited,
      now,
    };
    route.sample = Infinity;
    if (bytes > 0) route.controller.onAcked(batch);
    route.updatePacing(now);
  }

  /**
   * Looks for lost packets. Returns when the last of them was sent if this is persistent congestion, else `-Infinity`: what
   * was delivered before an outage and only acknowledged after it says nothing of the path as it is now, and must not
   * bring the window back to what it was.
   */
  #detect(space: Space, route: Route, level: Level, path: PathId, now: number): number {
    const result = detectLoss(space.sent, route.number, route.rtt, this.#peerMaxAckDelay(level), now);
    route.lossAt[LEVEL_INDEX[level]] = result.nextAt;
    if (result.lost.length > 0) this.#onLost(result, space, route, level, path, now);
    return result.persistent ? result.newestSentAt : -Infinity;
  }

  #onLost(
    result: LossResult<FrameRecord>,
    space: Space,
    route: Route,
    level: Level,
    path: PathId,
    now: number,
  ): void {
    const behind = space.sent.largestAckedOrder(route.number) - K_PACKET_THRESHOLD;
    for (const packet of result.lost) {
      if (packet.inFlight) route.inFlight -= packet.size;
      if (packet.ackEliciting) route.packetsLost += 1;
      if (packet.ecn) route.ecn.onLost(1);
      route.mtu.onLost(packet.size, packet.probe, packet.sentAt, now);
      this.#traceLost(packet, level, path, packet.order <= behind ? "reordering_threshold" : "time_threshold", now);
      for (const record of packet.records) record.owner.onLost(record, now);
    }
    route.noteLost(result.lost.length);
    this.#events.onLost(route, sizeOf(result.lost), now);
    if (result.persistent) route.rtt.resetMin();
    if (result.bytes === 0) return;
    route.controller.onCongestion({
      cause: result.persistent ? "persistent" : "loss",
      bytes: result.bytes,
      sentAt: result.newestSentAt,
      inFlight: route.inFlight,
      now,
    });
    route.updatePacing(now);
  }

  #onSpurious(packet: Sent, path: PathId, received: ReceivedPacket): void {
    const route = this.#paths.route(packet.route);
    route?.controller.onSpurious?.({ bytes: packet.size, sentAt: packet.sentAt, now: received.now });
    if (route !== undefined && packet.ackEliciting) route.spuriousLosses += 1;
    for (const record of packet.records) record.owner.onAcked(record, received.now);
    this.#context.observer?.on("quic:spurious_loss", {
      header: headerOf(packet, received.level, path),
    }, received.now);
  }

  #checkEcn(route: Route, result: AckResult<FrameRecord>, ack: AckFrame, level: Level, now: number): void {
    // Nothing is marked where paths share a space, and what its counts grow by belongs to none of them.
    if (!this.#context.config.ecn || this.#spaces.layout.isShared) return;
    const path = ack.path ?? 0;
    const space = this.#spaces.indexOf(level, path);
    const sent = this.#spaces.get(level, path)?.sent.ectSent ?? 0;
    const was = route.ecn.state;
    const marked = route.ecn.onAck(space, {
      counts: ack.ecn,
      newlyAcked: result.ect,
      sent,
      raisedLargest: result.raisedLargest,
    });
    if (route.ecn.state !== was) {
      this.#context.observer?.on("quic:ecn_state_updated", { path, new: route.ecn.state }, now);
    }
    if (marked === 0 || result.largest === undefined) return;
    route.controller.onCongestion({
      cause: "ecn",
      bytes: 0,
      sentAt: result.largest.sentAt,
      inFlight: route.inFlight,
      now,
    });
  }

  #ackDelay(ack: AckFrame, level: Level): number {
    if (level === "initial") return 0;
    const exponent = this.#context.peer?.ackDelayExponent ?? DEFAULT_ACK_DELAY_EXPONENT;
    const delay = ack.delay * 2 ** exponent / 1000;
    return this.#lifecycle.isConfirmed ? Math.min(delay, this.#peerMaxAckDelay(level)) : delay;
  }

  #peerMaxAckDelay(level: Level): number {
    return level === "application" ? this.#context.peer?.maxAckDelay ?? 25 : 0;
  }

  #traceLost(packet: Sent, level: Level, path: PathId, trigger: LostTrigger, now: number): void {
    this.#context.observer?.on("quic:packet_lost", {
      header: headerOf(packet, level, path),
      trigger,
      size: packet.size,
      sentAt: packet.sentAt,
    }, now);
  }

  /** The path of packets that an ACK frame speaks of: one for all, unless paths share a space. */
  #pathOf(route: number, ack: AckFrame): PathId {
    return this.#spaces.layout.isShared ? this.#paths.pathOf(route)?.id ?? 0 : ack.path ?? 0;
  }

  #traceAcked(packets: readonly Sent[], level: Level, ack: AckFrame, now: number): void {
    const numbers = new Map<PathId, number[]>();
    for (const packet of packets) {
      const path = this.#pathOf(packet.route, ack);
      const known = numbers.get(path);
      if (known === undefined) numbers.set(path, [packet.number]);
      else known.push(packet.number);
    }
    for (const [path, its] of numbers) this.#traceAckedOn(path, its, level, now);
  }

  #traceAckedOn(path: PathId, numbers: readonly number[], level: Level, now: number): void {
    const { observer } = this.#context;
    if (observer === undefined) return;
    observer.on("quic:packets_acked", { path, level, numbers }, now);
    const route = this.#paths.get(path)?.route;
    if (route === undefined) return;
    observer.on("quic:metrics_updated", {
      path,
      smoothedRtt: route.rtt.smoothed,
      minRtt: route.rtt.min,
      latestRtt: route.rtt.latest,
      rttVariation: route.rtt.variation,
      cwnd: route.controller.cwnd,
      inFlight: route.inFlight,
      ptoCount: route.pto.count,
    }, now);
  }
}

function headerOf(packet: Sent, level: Level, path: PathId): {
  type: "initial" | "handshake" | "zero_rtt" | "one_rtt";
  number: number;
  path: PathId;
} {
  const type = level === "application" ? "one_rtt" : level === "early" ? "zero_rtt" : level;
  return { type, number: packet.number, path };
}

function newestOf(packets: readonly Sent[]): number {
  let newest = -Infinity;
  for (const packet of packets) if (packet.sentAt > newest) newest = packet.sentAt;
  return newest;
}

function sizeOf(packets: readonly Sent[]): number {
  let size = 0;
  for (const packet of packets) size += packet.size;
  return size;
}
