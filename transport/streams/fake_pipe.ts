/**
 * Two sets of streams joined by paths that lose, delay and reorder packets: for tests. One seed repeats a run.
 *
 * @module
 */
import { FakePacket, fakeReceived } from "../base/fake_packet.ts";
import type { Role } from "../base/role.ts";
import type { StreamEvent } from "./stream_events.ts";
import type { StreamLimits } from "./stream_limits.ts";
import { StreamSet, type StreamSetOptions } from "./stream_set.ts";

/** Limits that let a test do what it likes. */
export const WIDE: StreamLimits = {
  initialMaxData: 1 << 20,
  initialMaxStreamDataBidiLocal: 1 << 18,
  initialMaxStreamDataBidiRemote: 1 << 18,
  initialMaxStreamDataUni: 1 << 18,
  initialMaxStreamsBidi: 100,
  initialMaxStreamsUni: 100,
};

/** A set of streams with the events that it pushed. */
export class End {
  readonly set: StreamSet;
  readonly events: StreamEvent[] = [];

  constructor(role: Role, options: Partial<StreamSetOptions> = {}, peer: StreamLimits | null = WIDE) {
    this.set = new StreamSet({ role, limits: WIDE, rtt: () => 50, events: (e) => this.events.push(e), ...options });
    if (peer !== null) this.set.setPeerLimits(peer);
  }

  /** The events so far, which are forgotten. */
  take(): StreamEvent[] {
    return this.events.splice(0);
  }

  /** A packet with all that there is to send, as far as it fits: control frames, lost data, new data. */
  packet(options: { path?: number; now?: number; room?: number } = {}): FakePacket {
    const packet = new FakePacket(options);
    this.set.writeFrames(packet);
    for (const kind of ["retransmit", "stream"] as const) {
      const work = this.set.nextWork(kind);
      if (work !== undefined) this.set.writeWork(kind, packet, work.streamId);
    }
    return packet;
  }

  /** Takes the frames of a packet in. */
  receive(packet: FakePacket, now: number = packet.now): void {
    for (const frame of packet.frames) {
      if (frame.kind !== "padding") this.set.onFrame(frame, fakeReceived({ path: packet.path, now }));
    }
  }
}

/** Numbers from 0 to 1 that a seed repeats. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e37_79b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** How a pipe treats packets. */
export interface PipeOptions {
  readonly seed: number;
  /** Share of packets that are lost. */
  readonly loss?: number;
  /** Share of packets that are taken for lost although they arrive. */
  readonly spurious?: number;
  readonly paths?: number;
  /** Packets that each end may have under way. */
  readonly window?: number;
  readonly room?: number;
}

interface Flight {
  readonly packet: FakePacket;
  readonly to: End;
  readonly arrivesAt: number;
}

/** Carries packets between two ends. */
export class Pipe {
  readonly client: End;
  readonly server: End;
  now = 0;
  readonly #options: PipeOptions;
  readonly #random: () => number;
  #flights: Flight[] = [];

  constructor(client: End, server: End, options: PipeOptions) {
    this.client = client;
    this.server = server;
    this.#options = options;
    this.#random = randomFrom(options.seed);
  }

  /** Whether nothing is under way and nobody has anything to send. */
  get isIdle(): boolean {
    if (this.#flights.length > 0) return false;
    const target = new FakePacket({ now: this.now });
    return [this.client, this.server].every(({ set }) =>
      !set.hasFrames(target) && set.nextWork("retransmit") === undefined && set.nextWork("stream") === undefined
    );
  }

  /** One millisecond: both send what they can, and what is due arrives. */
  step(): void {
    this.now++;
    this.#send(this.client, this.server);
    this.#send(this.server, this.client);
    const due = this.#flights.filter((it) => it.arrivesAt <= this.now);
    this.#flights = this.#flights.filter((it) => it.arrivesAt > this.now);
    for (const { packet, to } of due) this.#arrive(packet, to);
  }

  #send(from: End, to: End): void {
    const { window = 50, paths = 1, room = 1200 } = this.#options;
    for (let i = this.#flights.filter((it) => it.to === to).length; i < window; i++) {
      const path = Math.floor(this.#random() * paths);
      const packet = from.packet({ path, now: this.now, room });
      if (paths > 1 && this.#random() < 0.2) from.set.writeReinject(packet, "all");
      if (packet.frames.length === 0) return;
      this.#flights.push({ packet, to, arrivesAt: this.now + 5 + path * 20 + Math.floor(this.#random() * 10) });
    }
  }

  #arrive(packet: FakePacket, to: End): void {
    const { loss = 0, spurious = 0 } = this.#options;
    if (this.#random() < loss) return packet.lost(this.now);
    const tooLate = this.#random() < spurious;
    if (tooLate) packet.lost(this.now);
    to.receive(packet, this.now);
    packet.acked(this.now);
  }
}
