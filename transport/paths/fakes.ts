/**
 * What tests of the parts for paths share: packets on a chosen route, arrivals, random bytes that repeat.
 *
 * @module
 */
import { FakePacket, type FakePacketOptions, fakeReceived } from "../base/fake_packet.ts";
import type { ReceivedPacket } from "../base/frame_owner.ts";

/** Where a {@linkcode RoutePacket} goes. */
export interface RoutePacketOptions extends FakePacketOptions {
  readonly route?: number;
}

/** A {@linkcode FakePacket} on a route that need not have its path's number. */
export class RoutePacket extends FakePacket {
  override readonly route: number;

  constructor(options: RoutePacketOptions = {}) {
    super(options);
    this.route = options.route ?? this.path;
  }
}

/** What a packet arrived with, for `onFrame`. */
export interface Arrival extends FakePacketOptions {
  readonly destinationId?: Uint8Array;
}

/** The circumstances in which a frame arrives. */
export function arrival(options: Arrival = {}): ReceivedPacket {
  const packet = fakeReceived(options);
  return options.destinationId === undefined ? packet : { ...packet, destinationId: options.destinationId };
}

/** Bytes from a small generator: the same seed, the same bytes. */
export function seededRandom(seed = 1): (into: Uint8Array) => void {
  let state = (seed * 2654435761 + 1) >>> 0;
  return (into) => {
    for (let i = 0; i < into.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      into[i] = state >>> 24;
    }
  };
}
