/**
 * A rogue: a third hand that has all keys of a connection and can say anything in the name of one of its ends. It is the
 * tool for what no honest end does: wrong frames, wrong numbers, wrong keys, wrong ids, wrong sizes.
 *
 * ```ts ignore
 * const pair = new Pair().confirm();
 * const rogue = new Rogue(pair, "client");            // speaks to the server
 * rogue.takeOver();                                   // the honest client is cut off, what the server sends is caught
 * rogue.send({ frames: [{ kind: "ping" }] });         // 1-RTT, next packet number, right ids and keys
 * rogue.send({ frames: [Uint8Array.of(0x21)] });      // bytes instead of a frame
 * rogue.send({ frames: [...], path: 3 });             // path id 3: its nonce, and an id that the server issued for it
 * rogue.frames("ack");                                // what the server answered, opened
 * ```
 *
 * @module
 */
import { parseHeader, patchLength, writeLongHeader, writeShortHeader } from "../../transport/wire/header.ts";
import type { PacketProtection } from "../../crypto/packet_protection.ts";
import type { Address, Ecn } from "../../transport/base/address.ts";
import { otherRole, type Role } from "../../transport/base/role.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import { frameSize, readFrame, writeFrame } from "../../transport/wire/frames/mod.ts";
import type { Frame, FrameKind } from "../../transport/wire/frames/types.ts";
import { expandNumber, type NumberLength } from "../../transport/wire/packet_number.ts";
import { Reader } from "../../transport/wire/reader.ts";
import { Writer } from "../../transport/wire/writer.ts";
import { DEFAULT_ID_LENGTH } from "../../transport/endpoint/config.ts";
import { QUIC_V1 } from "../../transport/wire/version.ts";
import type { EndpointNode } from "../kit/endpoint_node.ts";
import type { Trace } from "../kit/trace.ts";
import type { WorldLink } from "../kit/world.ts";
import { CLIENT_ADDRESS, type Pair, SERVER_ADDRESS } from "./pair.ts";
import { type ForgedLevel, RogueKeys } from "./rogue_keys.ts";

export type { ForgedLevel };

/** A packet to forge. What is left out is as the honest end would have it. */
export interface ForgedPacket {
  /** Default "application". */
  readonly level?: ForgedLevel;
  /** Frames, or bytes to put in the place of frames; may be empty. */
  readonly frames: readonly (Frame | Uint8Array)[];
  /** Default: one above all that either the honest end or the rogue has used there. */
  readonly number?: number;
  /** Default 4 for numbers that need it, else 2. */
  readonly numberLength?: NumberLength;
  /** The path id: decides which id of the victim, which number space, and which nonce. Default 0. */
  readonly path?: number;
  /** The path id in the nonce, where it is to differ from `path`. */
  readonly noncePath?: number;
  /** Default: the victim's first id for that path that it has not been asked to retire. */
  readonly destinationId?: Uint8Array;
  /** Long headers. Default: that of the honest end. */
  readonly sourceId?: Uint8Array;
  /** Initial packets. Default: none. */
  readonly token?: Uint8Array;
  /** Long headers. Default 1. */
  readonly version?: number;
  /** 1-RTT: how many key updates the keys have behind them. Default 0. */
  readonly generation?: number;
  /** 1-RTT: the Key Phase bit. Default: that of the generation. */
  readonly keyPhase?: 0 | 1;
  /** The two reserved bits, 0 to 3. Default 0. */
  readonly reservedBits?: number;
  /** Default true. */
  readonly fixedBit?: boolean;
  /** Bytes of the whole packet, reached by PADDING. Default: 1200 for a client's Initial packet, else no padding. */
  readonly size?: number;
}

/** A packet that was opened. */
export interface OpenedPacket {
  readonly level: ForgedLevel;
  /** The path of the id that it came to. */
  readonly path: number;
  readonly number: number;
  readonly numberLength: NumberLength;
  readonly destinationId: Uint8Array;
  readonly sourceId: Uint8Array;
  /** 1-RTT: key updates behind its keys. */
  readonly generation: number;
  readonly frames: readonly Frame[];
}

/** How a forged datagram arrives. */
export interface DeliveryOptions {
  /** The address it comes from. Default: that of the end it speaks for. */
  readonly from?: Address;
  /** The victim's address. */
  readonly to?: Address;
  readonly ecn?: Ecn;
  /** Whether the victim may answer before the call returns. Default true. */
  readonly react?: boolean;
}

const TAG = 16;
const BUFFER = 65_536;

/** What a rogue needs of a {@linkcode Pair}, or of ends with several links. */
export interface RogueStage extends
  Pick<
    Pair,
    "world" | "link" | "clientTrace" | "serverTrace" | "clientNode" | "serverNode" | "client" | "server" | "provider"
  > {
  readonly keyLog: readonly string[];
  /** All links, when `link` is not the only one. */
  readonly links?: readonly WorldLink[];
}

/** Speaks in the name of one end of a {@linkcode Pair} to the other, the victim. */
export class Rogue {
  readonly role: Role;
  /** Packets that the victim sent since {@linkcode takeOver}, opened, in order. */
  readonly caught: OpenedPacket[] = [];
  /** The datagrams in which they came. */
  readonly datagrams: Uint8Array[] = [];
  /** The destination id that Initial keys are made of; changes with a Retry. */
  initialDestination: Uint8Array;
  readonly #pair: RogueStage;
  readonly #keys: RogueKeys;
  readonly #numbers = new Map<string, number>();
  readonly #largestOpened = new Map<string, number>();
  /** Ids of this end, honest or forged, with their path. */
  readonly #ownIds: { readonly id: Uint8Array; readonly path: number }[] = [];
  #generation = 0;

  constructor(pair: RogueStage, role: Role) {
    this.#pair = pair;
    this.role = role;
    this.#keys = new RogueKeys(pair.provider, pair.keyLog, () => this.#suite());
    this.initialDestination = startOf(pair.clientTrace).destinationId;
  }

  /** The connection of the end that it speaks to. */
  get victim(): Connection {
    return this.role === "client" ? this.#pair.server : this.#pair.client;
  }

  /** The trace of the end that it speaks to. */
  get victimTrace(): Trace {
    return this.role === "client" ? this.#pair.serverTrace : this.#pair.clientTrace;
  }

  /** The trace of the honest end in whose name it speaks. */
  get ownTrace(): Trace {
    return this.role === "client" ? this.#pair.clientTrace : this.#pair.serverTrace;
  }

  /** The node of the end that it speaks to. */
  get victimNode(): EndpointNode {
    return this.role === "client" ? this.#pair.serverNode : this.#pair.clientNode;
  }

  /**
   * Cuts the honest end off: nothing that it sends arrives any more, and what the victim sends is opened and kept in
   * `caught` instead. Uses the taps of the pair's links.
   */
  takeOver(): this {
    for (const { up, down } of this.#pair.links ?? [this.#pair.link]) {
      const [own, victims] = this.role === "client" ? [up, down] : [down, up];
      own.tap = () => "drop";
      victims.tap = ({ data }) => {
        this.datagrams.push(data.slice());
        this.caught.push(...this.open(data.slice()));
        return "drop";
      };
    }
    return this;
  }

  /** Seals a packet; does not send it. */
  seal(packet: ForgedPacket): Uint8Array {
    const { level = "application", path = 0 } = packet;
    const payload = encode(packet.frames);
    const number = packet.number ?? this.#nextNumber(level, path);
    this.#noteNumber(level, path, number);
    this.#noteIds(packet.frames);
    const buffer = new Uint8Array(BUFFER);
    const w = new Writer(buffer);
    const numberLength = packet.numberLength ?? (number > 0x7fff ? 4 : 2);
    const header = this.#header(w, packet, level, number, numberLength);
    const start = w.at;
    w.bytes(payload);
    const size = packet.size ?? (level === "initial" && this.role === "client" ? 1200 : 0);
    // RFC 9001 §5.4.2: what is sampled has to be there.
    const end = Math.max(w.at, size - TAG, start + 4 - numberLength);
    buffer[0] = buffer[0]! | (packet.reservedBits ?? 0) << (level === "application" ? 3 : 2);
    if (header.lengthAt >= 0) patchLength(buffer, header.lengthAt, end + TAG - header.numberAt);
    const keys = this.#sealingKeys(packet, level);
    const nonce = level === "application" ? packet.noncePath ?? path : 0;
    return buffer.slice(0, keys.seal(buffer, 0, header.numberAt, numberLength, end, nonce, number));
  }

  /** Gives a datagram, of one or more packets, to the victim at once, and lets it react. */
  deliver(datagram: Uint8Array, options: DeliveryOptions = {}): void {
    const world = this.#pair.world;
    const isClient = this.role === "client";
    this.victimNode.receive({
      data: datagram.slice(),
      remote: options.from ?? (isClient ? CLIENT_ADDRESS : SERVER_ADDRESS),
      local: options.to ?? (isClient ? SERVER_ADDRESS : CLIENT_ADDRESS),
      ecn: options.ecn ?? "not-ect",
    }, world.now);
    if (options.react ?? true) world.runFor(0);
  }

  /** Seals packets into one datagram and delivers it. */
  send(packets: ForgedPacket | readonly ForgedPacket[], options: DeliveryOptions = {}): void {
    const list = Array.isArray(packets) ? packets as readonly ForgedPacket[] : [packets as ForgedPacket];
    this.deliver(joined(list.map((packet) => this.seal(packet))), options);
  }

  /** Acknowledges all that was caught, at every level, one packet per level and path. */
  acknowledge(options: { readonly delay?: number; readonly multipath?: boolean } = {}): void {
    const seen = new Map<string, OpenedPacket[]>();
    for (const packet of this.caught) {
      const key = `${packet.level} ${packet.path}`;
      seen.set(key, [...seen.get(key) ?? [], packet]);
    }
    for (const packets of seen.values()) {
      const { level, path } = packets[0]!;
      const ranges = rangesOf(packets.map((packet) => packet.number));
      const ackPath = options.multipath && level === "application" ? path : undefined;
      this.send({
        level,
        path,
        frames: [{ kind: "ack", path: ackPath, delay: options.delay ?? 0, ranges, ecn: undefined }],
      });
    }
  }

  /** All frames of a kind that were caught. */
  frames<K extends FrameKind>(kind: K): Extract<Frame, { readonly kind: K }>[] {
    const all = this.caught.flatMap((packet) => packet.frames);
    return all.filter((frame): frame is Extract<Frame, { readonly kind: K }> => frame.kind === kind);
  }

  /** Opens the packets of a datagram that the victim sent; those that do not open are left out. Changes the bytes. */
  open(datagram: Uint8Array): OpenedPacket[] {
    const opened: OpenedPacket[] = [];
    const started = this.ownTrace.first("quic:connection_started")?.data;
    const idLength = started?.sourceId.length ?? DEFAULT_ID_LENGTH;
    for (let at = 0; at < datagram.length;) {
      const header = parseHeader(datagram, at, datagram.length, idLength);
      at = header.end;
      const level = header.type === "one_rtt" ? "application" : header.type;
      if (level !== "initial" && level !== "handshake" && level !== "application") continue;
      const packet = this.#openOne(datagram, header, level);
      if (packet !== undefined) opened.push(packet);
    }
    return opened;
  }

  /** An id of the victim for packets on a path. Throws an `Error` when it issued none. */
  idFor(path: number): Uint8Array {
    const given = this.victimTrace.frames("sent", "new_connection_id")
      .map(({ frame }) => frame).filter((frame) => (frame.path ?? 0) === path);
    const least = given.reduce((most, frame) => Math.max(most, frame.retirePriorTo), 0);
    if (path === 0 && least === 0) return startOf(this.victimTrace).sourceId;
    const id = given.find((frame) => frame.sequence >= least)?.connectionId;
    if (id === undefined) throw new Error(`No id was issued for path ${path}: expected one`);
    return id;
  }

  /** Says that an id that this end gave out belongs to a path, so that packets to it can be opened. */
  ownId(id: Uint8Array, path: number): void {
    this.#ownIds.push({ id, path });
  }

  #header(
    w: Writer,
    packet: ForgedPacket,
    level: ForgedLevel,
    number: number,
    numberLength: NumberLength,
  ): { readonly lengthAt: number; readonly numberAt: number } {
    const destinationId = packet.destinationId ?? this.#destinationId(level, packet.path ?? 0);
    const { fixedBit } = packet;
    if (level === "application") {
      const keyPhase = packet.keyPhase ?? (packet.generation ?? 0) & 1;
      return { lengthAt: -1, ...writeShortHeader(w, { destinationId, keyPhase, number, numberLength, fixedBit }) };
    }
    return writeLongHeader(w, {
      type: level,
      version: packet.version ?? QUIC_V1,
      destinationId,
      sourceId: packet.sourceId ?? startOf(this.ownTrace).sourceId,
      token: packet.token,
      number,
      numberLength,
      fixedBit,
    });
  }

  #destinationId(level: ForgedLevel, path: number): Uint8Array {
    const known = this.victimTrace.first("quic:connection_started") !== undefined;
    return level === "initial" && !known ? this.initialDestination : this.idFor(path);
  }

  #sealingKeys(packet: ForgedPacket, level: ForgedLevel): PacketProtection {
    if (level === "initial") return this.#keys.initial(this.role, this.initialDestination);
    if (level === "handshake") return this.#keys.handshake(this.role);
    return this.#keys.application(this.role, packet.generation ?? 0);
  }

  #openOne(
    bytes: Uint8Array,
    header: ReturnType<typeof parseHeader>,
    level: ForgedLevel,
  ): OpenedPacket | undefined {
    const sender = otherRole(this.role);
    const path = level === "application" ? this.#pathOf(header.destinationId) : 0;
    const first = level === "initial"
      ? this.#keys.initial(sender, this.initialDestination)
      : level === "handshake"
      ? this.#keys.handshake(sender)
      : this.#keys.application(sender, 0);
    const length = first.header.remove(bytes, header.headerStart, header.numberAt, header.end);
    if (length < 0) return undefined;
    let truncated = 0;
    for (let i = 0; i < length; i++) truncated = truncated * 256 + bytes[header.numberAt + i]!;
    const key = `${level} ${path}`;
    const number = expandNumber(truncated, length as NumberLength, this.#largestOpened.get(key) ?? -1);
    const start = header.numberAt + length;
    const phase = (bytes[header.headerStart]! >> 2) & 1;
    for (const generation of level === "application" ? this.#generations(phase) : [0]) {
      const keys = level === "application" ? this.#keys.application(sender, generation) : first;
      const end = keys.open(bytes, header.headerStart, start, header.end, path, number);
      if (end < 0) continue;
      this.#generation = Math.max(this.#generation, generation);
      this.#largestOpened.set(key, Math.max(number, this.#largestOpened.get(key) ?? -1));
      const frames: Frame[] = [];
      for (const r = new Reader(bytes, start, end); r.left > 0;) frames.push(structuredClone(readFrame(r)));
      const { destinationId, sourceId } = header;
      const numberLength = length as NumberLength;
      return { level, path, number, numberLength, destinationId, sourceId, generation, frames };
    }
    return undefined;
  }

  /** The generations that a packet with this Key Phase bit may be of. */
  #generations(phase: number): number[] {
    const now = this.#generation;
    return (now & 1) === phase ? [now] : now > 0 ? [now + 1, now - 1] : [1];
  }

  #pathOf(id: Uint8Array): number {
    const hex = id.toHex();
    const own = this.#ownIds.find((entry) => entry.id.toHex() === hex);
    if (own !== undefined) return own.path;
    const given = this.ownTrace.frames("sent", "new_connection_id").find(({ frame }) =>
      frame.connectionId.toHex() === hex
    );
    return given?.frame.path ?? 0;
  }

  #nextNumber(level: ForgedLevel, path: number): number {
    const type = level === "application" ? "one_rtt" : level;
    const honest = this.ownTrace.filter(
      "quic:packet_sent",
      ({ header }) => header.type === type && header.path === path,
    );
    const highest = honest.reduce((most, { data }) => Math.max(most, data.header.number), -1);
    return Math.max(highest, this.#numbers.get(`${level} ${path}`) ?? -1) + 1;
  }

  #noteNumber(level: ForgedLevel, path: number, number: number): void {
    const key = `${level} ${path}`;
    this.#numbers.set(key, Math.max(number, this.#numbers.get(key) ?? -1));
  }

  #noteIds(frames: ForgedPacket["frames"]): void {
    for (const frame of frames) {
      if (frame instanceof Uint8Array || frame.kind !== "new_connection_id") continue;
      this.ownId(frame.connectionId, frame.path ?? 0);
    }
  }

  #suite(): string {
    const server = this.#pair.serverNode.connections[0]?.stats().cipher ?? "";
    return server !== "" ? server : this.#pair.client.stats().cipher;
  }
}

/** The bytes of arrays, one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function encode(frames: ForgedPacket["frames"]): Uint8Array {
  return joined(frames.map((frame) => {
    if (frame instanceof Uint8Array) return frame;
    const bytes = new Uint8Array(frameSize(frame));
    writeFrame(new Writer(bytes), frame);
    return bytes;
  }));
}

/** Numbers as ranges in the form of `AckFrame.ranges`. */
function rangesOf(numbers: readonly number[]): number[] {
  const sorted = [...new Set(numbers)].sort((a, b) => b - a);
  const ranges: number[] = [];
  for (const number of sorted) {
    if (ranges.length > 0 && ranges.at(-1) === number + 1) ranges[ranges.length - 1] = number;
    else ranges.push(number, number);
  }
  return ranges;
}

function startOf(trace: Trace): { readonly sourceId: Uint8Array; readonly destinationId: Uint8Array } {
  return trace.assertSeen("quic:connection_started").data;
}
