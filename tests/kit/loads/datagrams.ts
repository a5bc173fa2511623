/**
 * Datagrams that one end or both send every so often. Each says in its first bytes which load it belongs to and which one it
 * is, the rest is a pattern; what is wrong in one fails the run, that one is lost does not.
 *
 * @module
 */
import type { App } from "../app.ts";
import type { ConnectionEvent } from "../../../transport/connection/events.ts";
import { checkPattern, fillPattern } from "../pattern.ts";
import type { Load, Side } from "../scenario/types.ts";
import { beginsWith, type DatagramCounts, type LoadConnection, type LoadContext, type RunningLoad } from "./load.ts";
import { everySoOften } from "./periodic.ts";

type DatagramsOptions = Extract<Load, { kind: "datagrams" }>;

/** One byte for the load, three for the number, least first. Shorter datagrams have as much of the number as fits. */
const HEADER = 4;
/** Ids of datagrams tell loads apart by this factor. */
const IDS_PER_LOAD = 2 ** 32;

/** One direction of a load: its sender, and what came of it at the receiver. */
class DatagramFlow {
  readonly #load: DatagramsOptions;
  readonly #context: LoadContext;
  readonly #tag: number;
  readonly #counts: DatagramCounts;
  readonly #side: Side;
  /** How many it is time for. */
  #due = 0;
  #sent = 0;
  /** Those that were acknowledged or lost. */
  #settled = 0;
  #highest = -1;
  readonly #seen: Uint8Array;

  constructor(load: DatagramsOptions, context: LoadContext, tag: number, side: Side, counts: DatagramCounts) {
    this.#load = load;
    this.#context = context;
    this.#tag = tag;
    this.#side = side;
    this.#counts = counts;
    this.#seen = new Uint8Array(load.count);
  }

  get isDone(): boolean {
    return this.#settled === this.#load.count;
  }

  get left(): number {
    return this.#load.count - this.#settled;
  }

  begin(now: number): void {
    everySoOften(this.#context, now, this.#load.every, this.#load.count, () => void this.#due++);
  }

  /** Sends what is due, as soon as datagrams can be sent and the path is there that they are for. */
  send(connection: LoadConnection): void {
    while (this.#sent < this.#due) {
      const { bytes, pin } = this.#load;
      const { maxDatagramSize } = connection;
      if (maxDatagramSize === 0) return;
      const path = pin === undefined ? undefined : this.#context.pathOver(this.#side, pin);
      if (pin !== undefined && path === undefined) return;
      const number = this.#sent++;
      this.#counts.sent++;
      const id = this.#tag * IDS_PER_LOAD + number;
      const options = { id, ...(path === undefined ? {} : { path }) };
      // Where its path is over, or it is too large just now, it is lost.
      const taken = path !== -1 && connection.sendDatagram(this.#make(number, bytes || maxDatagramSize), options);
      if (!taken) this.#settled++;
    }
  }

  onFate(id: number): void {
    if (Math.floor(id / IDS_PER_LOAD) === this.#tag) this.#settled++;
  }

  /** Takes in a datagram, unless it is another load's. */
  receive(data: Uint8Array, now: number): void {
    const { bytes } = this.#load;
    if (bytes > 0 && data.length !== bytes) return;
    if (data.length >= HEADER && data[0] !== this.#tag) return;
    const number = this.#numberIn(data);
    const header = Math.min(data.length, HEADER);
    const bad = checkPattern(data.subarray(header), this.#seedOf(number), header);
    if (bad >= 0 || number >= this.#sent) throw new Error(`Datagram ${number} has a wrong byte at ${header + bad}`);
    if (this.#seen[number] === 1) throw new Error(`Datagram ${number} was delivered twice`);
    this.#seen[number] = 1;
    this.#counts.received++;
    if (number < this.#highest) this.#counts.reordered++;
    this.#highest = Math.max(this.#highest, number);
    this.#context.delivered(this.#side === "client" ? "up" : "down", data.length, now);
  }

  #make(number: number, length: number): Uint8Array {
    const data = new Uint8Array(length);
    const header = Math.min(length, HEADER);
    if (length >= HEADER) data[0] = this.#tag;
    for (let i = length >= HEADER ? 1 : 0, rest = number; i < header; i++, rest = Math.floor(rest / 256)) {
      data[i] = rest & 255;
    }
    fillPattern(data.subarray(header), this.#seedOf(number), header);
    return data;
  }

  #numberIn(data: Uint8Array): number {
    let number = 0;
    const first = data.length >= HEADER ? 1 : 0;
    for (let i = Math.min(data.length, HEADER) - 1; i >= first; i--) number = number * 256 + data[i]!;
    if (first === 1) return number;
    // A cut number is that of the first one like it that did not come yet.
    for (const step = 256 ** data.length; number < this.#sent && this.#seen[number] === 1;) number += step;
    return number;
  }

  #seedOf(number: number): number {
    return (this.#side === "client" ? 0 : 1) + 2 * this.#tag + 512 * number;
  }
}

/** A `datagrams` load: complete when each was sent, and was acknowledged or lost. */
export class DatagramsLoad implements RunningLoad {
  /** The application at the client. */
  readonly client: App;
  /** The application at the server. */
  readonly server: App;
  /** Both directions together. */
  readonly datagrams: DatagramCounts = { sent: 0, received: 0, reordered: 0 };
  readonly #flows: DatagramFlow[];

  /** `tag`: 0 to 255, another one for each load of a scenario. */
  constructor(load: DatagramsOptions, context: LoadContext, tag: number) {
    const flow = (side: Side): DatagramFlow => new DatagramFlow(load, context, tag, side, this.datagrams);
    const up = load.direction === "down" ? undefined : flow("client");
    const down = load.direction === "up" ? undefined : flow("server");
    this.#flows = [up, down].filter((each) => each !== undefined);
    const event = beginsWith(load.start);
    const begin = (happened: ConnectionEvent, now: number): void => {
      if (happened.type === event) { for (const each of this.#flows) each.begin(now); }
    };
    this.client = makeApp(up, down, begin);
    this.server = makeApp(down, up);
  }

  /** Whether the fate of all is known. */
  get isDone(): boolean {
    return this.#flows.every((flow) => flow.isDone);
  }

  /** Of how many it is not. */
  get missing(): string {
    return `the fate of ${this.#flows.reduce((sum, flow) => sum + flow.left, 0)} datagrams`;
  }
}

function makeApp(
  sends: DatagramFlow | undefined,
  receives: DatagramFlow | undefined,
  onEvent?: (event: ConnectionEvent, now: number) => void,
): App {
  return {
    isDone: true,
    onEvent(event, _connection, now): void {
      onEvent?.(event, now);
      if (event.type === "datagram") receives?.receive(event.data, now);
      else if (event.type === "datagram_fate") sends?.onFate(event.id);
    },
    poll: (connection) => sends?.send(connection as LoadConnection),
  };
}
