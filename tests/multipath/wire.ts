/**
 * What goes over the links, opened: every datagram of both ends with its addresses' link, its time, its size and its packets.
 *
 * @module
 */
import type { Role } from "../../transport/base/role.ts";
import { DEFAULT_ID_LENGTH } from "../../transport/endpoint/config.ts";
import type { Frame, FrameKind } from "../../transport/wire/frames/types.ts";
import { parseHeader } from "../../transport/wire/header.ts";
import type { TapVerdict } from "../kit/link.ts";
import { type OpenedPacket, Rogue } from "../connection/rogue.ts";
import type { Paths } from "./paths.ts";

/** A datagram as a link sees it. */
export interface WireDatagram {
  readonly sender: Role;
  /** The index of the link. */
  readonly link: number;
  readonly at: number;
  readonly size: number;
  readonly packets: readonly OpenedPacket[];
}

/** A packet with the datagram that it was in. */
export interface WirePacket extends OpenedPacket {
  readonly in: WireDatagram;
}

/** Listens on all links, and may hold datagrams up. Begin with it before the connection does anything. */
export class Wire {
  /** In the order in which they were sent. */
  readonly datagrams: WireDatagram[] = [];
  /** Decides about each datagram; default: all pass. */
  verdict: (datagram: WireDatagram) => TapVerdict = () => "pass";
  readonly #ears: Record<Role, Rogue>;

  /** Takes the taps of all links. */
  constructor(paths: Paths) {
    this.#ears = { client: new Rogue(paths, "server"), server: new Rogue(paths, "client") };
    paths.links.forEach((link, index) => {
      for (const [direction, sender] of [["up", "client"], ["down", "server"]] as const) {
        link[direction].tap = ({ data, now }) => {
          const packets = this.#open(sender, data.slice());
          const datagram = { sender, link: index, at: now, size: data.length, packets };
          this.datagrams.push(datagram);
          return this.verdict(datagram);
        };
      }
    });
  }

  /** The packets of one end, those that `where` picks. */
  packets(sender: Role, where: (packet: WirePacket) => boolean = () => true): WirePacket[] {
    const sent = this.datagrams.filter((datagram) => datagram.sender === sender);
    return sent.flatMap((datagram) => datagram.packets.map((packet) => ({ ...packet, in: datagram }))).filter(where);
  }

  /** The 1-RTT packets of one end on a path. */
  on(sender: Role, path: number): WirePacket[] {
    return this.packets(sender, (packet) => packet.level === "application" && packet.path === path);
  }

  /** The frames of a kind that one end sent. */
  frames<K extends FrameKind>(sender: Role, kind: K): { readonly packet: WirePacket; readonly frame: FrameOf<K> }[] {
    return this.packets(sender).flatMap((packet) => framesOf(packet, kind).map((frame) => ({ packet, frame })));
  }

  /** Handshake packets cannot be opened before there are 1-RTT keys; they are left out, what is behind them is not. */
  #open(sender: Role, data: Uint8Array): OpenedPacket[] {
    let at = 0;
    while (at < data.length && (data[at]! & 0x80) !== 0) at = parseHeader(data, at, data.length, DEFAULT_ID_LENGTH).end;
    return at < data.length ? this.#ears[sender].open(data.slice(at)) : [];
  }
}

/** A frame of a kind. */
export type FrameOf<K extends FrameKind> = Extract<Frame, { readonly kind: K }>;

/** The frames of a kind in a packet. */
export function framesOf<K extends FrameKind>(packet: OpenedPacket, kind: K): FrameOf<K>[] {
  return packet.frames.filter((frame): frame is FrameOf<K> => frame.kind === kind);
}

/** Whether a packet holds a frame of a kind. */
export function holds(packet: OpenedPacket, kind: FrameKind): boolean {
  return packet.frames.some((frame) => frame.kind === kind);
}
