/**
 * One end of a connection with several paths, opposite a rogue that speaks for the other end: for rules about what a peer
 * says. All paths run over one 4-tuple, so that one link and one pair of addresses is enough.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Role } from "../../transport/base/role.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import { TransportError } from "../../transport/base/errors.ts";
import type { Frame, FrameKind } from "../../transport/wire/frames/types.ts";
import type { World } from "../kit/world.ts";
import type { Trace } from "../kit/trace.ts";
import { CLIENT_ADDRESS, Pair, type PairOptions, SERVER_ADDRESS } from "../connection/pair.ts";
import type { ConnectionEvent } from "../../transport/connection/events.ts";
import type { PathEvent } from "../../transport/paths/path_events.ts";
import { type OpenedPacket, Rogue } from "../connection/rogue.ts";

/** The ends of a connection, as tests go through them. */
export const ROLES: readonly Role[] = ["client", "server"];

/** The victim is of this role; the rogue speaks for the other end. */
export class Forged {
  readonly pair: Pair;
  readonly rogue: Rogue;
  readonly role: Role;
  /** What the victim's application learned of paths. */
  readonly events: PathEvent[] = [];

  /** `paths`: how many there are, path 0 included. */
  constructor(role: Role, paths = 2, options: PairOptions = {}) {
    this.role = role;
    const onEvent = (event: ConnectionEvent): unknown => event.type === "path" && this.events.push(event);
    const apps = { [role === "client" ? "clientApps" : "serverApps"]: [{ isDone: true, onEvent }] };
    this.pair = new Pair({ ...apps, ...options }).confirm();
    for (let id = 1; id < paths; id++) this.openHonestly(id);
    // Whatever is under way arrives first, so that what is seen later is an answer to the rogue.
    this.pair.world.runFor(2000);
    this.rogue = new Rogue(this.pair, role === "client" ? "server" : "client").takeOver();
  }

  get world(): World {
    return this.pair.world;
  }

  /** The end under test. */
  get victim(): Connection {
    return this.rogue.victim;
  }

  /** What it traced. */
  get trace(): Trace {
    return this.rogue.victimTrace;
  }

  /** Opens the next path on the addresses of path 0, while both ends are honest. */
  openHonestly(id: number): void {
    const { client, world } = this.pair;
    assertEquals(openHere(client, world.now), id);
    const usable = (c: Connection): boolean => c.stats().paths.some((p) => p.id === id && p.state === "usable");
    world.require(`path ${id} to be usable at both ends`, () => usable(client) && usable(this.pair.server));
  }

  /** Sends frames on a path, in one packet; returns what the victim sent at that instant. */
  send(frames: readonly (Frame | Uint8Array)[], path = 0): readonly OpenedPacket[] {
    const before = this.rogue.caught.length;
    this.rogue.send({ frames, path });
    return this.rogue.caught.slice(before);
  }

  /** Lets time pass; returns what the victim sent meanwhile. */
  after(duration: number): readonly OpenedPacket[] {
    const before = this.rogue.caught.length;
    this.world.runFor(duration);
    return this.rogue.caught.slice(before);
  }

  /** Acknowledges what was caught on these paths, with PATH_ACK frames in one packet on path `on`. */
  acknowledge(paths: readonly number[], on = paths[0]!): readonly OpenedPacket[] {
    const frames: Frame[] = [];
    for (const path of paths) {
      const packets = this.rogue.caught.filter((p) => p.path === path && p.level === "application");
      if (packets.length === 0) continue;
      const ranges = rangesOf(packets.map((p) => p.number));
      frames.push({ kind: "ack", path, delay: 0, ranges, ecn: undefined });
    }
    return frames.length === 0 ? [] : this.send(frames, on);
  }

  /** Lets time pass while everything on these paths is acknowledged every few milliseconds. */
  acknowledging(paths: readonly number[], duration: number, on = paths[0]!): readonly OpenedPacket[] {
    const before = this.rogue.caught.length;
    let known = 0;
    for (const end = this.world.now + duration; this.world.now < end;) {
      this.world.runFor(Math.min(10, end - this.world.now));
      if (this.rogue.caught.length > known) this.acknowledge(paths, on);
      known = this.rogue.caught.length;
    }
    return this.rogue.caught.slice(before);
  }

  /** The longest PTO that the victim can have, by its own figures. */
  get pto(): number {
    return Math.max(...this.victim.stats().paths.map((p) => p.srtt + Math.max(4 * p.rttVar, 1) + 25));
  }

  /** The id of the peer, the rogue's end, that the victim uses on a path, from the packets that were caught. */
  usedId(path: number): Uint8Array {
    const packet = this.rogue.caught.findLast((p) => p.path === path && p.level === "application");
    if (packet === undefined) throw new Error(`The victim has sent nothing on path ${path}: expected a packet`);
    return packet.destinationId;
  }

  /** The stateless reset token of an id of the rogue's end. */
  tokenOf(id: Uint8Array): Uint8Array {
    const given = this.rogue.ownTrace.frames("sent", "new_connection_id").find(({ frame }) =>
      frame.connectionId.toHex() === id.toHex()
    );
    if (given === undefined) throw new Error("No token was given with the id: expected one");
    return given.frame.resetToken;
  }

  /** A datagram that looks like a stateless reset with this token. */
  reset(token: Uint8Array): void {
    const datagram = new Uint8Array(60);
    this.world.random.fork("reset").fill(datagram);
    datagram[0] = 0x40 | (datagram[0]! & 0x3f);
    datagram.set(token, datagram.length - token.length);
    this.rogue.deliver(datagram);
  }

  /** Asserts that the victim closed the connection with a transport error. */
  assertClosed(code: number, message?: string): void {
    const { error, state } = this.victim;
    assertEquals([state, error instanceof TransportError, error?.code], ["closing", true, code], message);
  }

  /** Asserts that the victim is well. */
  assertWell(message?: string): void {
    assertEquals([this.victim.state, this.victim.error], ["connected", undefined], message);
  }
}

/** Opens a path on the addresses of path 0. */
export function openHere(client: Connection, now: number): number {
  return client.openPath({
    local: CLIENT_ADDRESS,
    remote: SERVER_ADDRESS,
    properties: { label: "", cost: 0, metered: false },
    status: "available",
  }, now);
}

/** The frames of a kind in packets, with the path that carried each. */
export function framesIn<K extends FrameKind>(
  packets: readonly OpenedPacket[],
  kind: K,
): { readonly on: number; readonly frame: Extract<Frame, { readonly kind: K }> }[] {
  const found: { on: number; frame: Extract<Frame, { readonly kind: K }> }[] = [];
  for (const { path, frames } of packets) {
    for (const frame of frames) {
      if (frame.kind === kind) found.push({ on: path, frame: frame as Extract<Frame, { readonly kind: K }> });
    }
  }
  return found;
}

/** Numbers as ranges in the form of `AckFrame.ranges`. */
export function rangesOf(numbers: readonly number[]): number[] {
  const sorted = [...new Set(numbers)].sort((a, b) => b - a);
  const ranges: number[] = [];
  for (const number of sorted) {
    if (ranges.length > 0 && ranges.at(-1) === number + 1) ranges[ranges.length - 1] = number;
    else ranges.push(number, number);
  }
  return ranges;
}
