/**
 * DATAGRAMs that both applications sent: each may be lost, none may come twice, changed, or from nowhere, and each has one
 * fate.
 *
 * @module
 */
import type { Connection, DatagramOptions } from "../../transport/connection/connection.ts";
import { checkPattern, fillPattern } from "../kit/pattern.ts";

/** Bytes of the number that each begins with. */
const NUMBER = 4;
/** Patterns of streams begin at 0. */
const FIRST_PATTERN = 5000;

interface Message {
  readonly length: number;
  arrived: boolean;
  /** Whether it was acknowledged; `undefined`: nobody knows yet. */
  fate: boolean | undefined;
}

/** Those from one end to the other. */
export class Messages {
  readonly #sent: Message[] = [];
  #received = 0;

  /** How many arrived. */
  get received(): number {
    return this.#received;
  }

  send(length: number, connection: Connection, options: Omit<DatagramOptions, "id">): void {
    const number = this.#sent.length;
    const data = new Uint8Array(Math.max(NUMBER, length));
    fillPattern(data, FIRST_PATTERN + number, 0);
    new DataView(data.buffer).setUint32(0, number);
    if (!connection.sendDatagram(data, { ...options, id: number })) return;
    this.#sent.push({ length: data.length, arrived: false, fate: undefined });
  }

  /** One came. Throws an `Error` unless it is one that was sent and did not come before. */
  onArrival(data: Uint8Array): void {
    const number = data.length < NUMBER ? -1 : new DataView(data.buffer, data.byteOffset).getUint32(0);
    const message = this.#sent[number];
    if (message === undefined) throw new Error(`Datagram ${number} arrived: it was never sent`);
    if (message.arrived) throw new Error(`Datagram ${number} arrived twice`);
    if (data.length !== message.length) throw new Error(`Datagram ${number} arrived with ${data.length} bytes`);
    const bad = checkPattern(data.subarray(NUMBER), FIRST_PATTERN + number, NUMBER);
    // The pattern is that of the offset, so a changed byte shows wherever it is.
    if (bad >= 0) throw new Error(`Datagram ${number} has a wrong byte at ${NUMBER + bad}`);
    message.arrived = true;
    this.#received++;
  }

  /** What became of one, by its sender's connection. */
  onFate(number: number, acked: boolean): void {
    const message = this.#sent[number];
    if (message === undefined) throw new Error(`Datagram ${number} has a fate: it was never sent`);
    if (message.fate !== undefined) throw new Error(`Datagram ${number} has two fates`);
    message.fate = acked;
  }

  /** What is wrong with one when all is quiet; `undefined`: nothing. */
  complaint(): string | undefined {
    for (const [number, { fate, arrived }] of this.#sent.entries()) {
      if (fate === undefined) return `Datagram ${number} has no fate`;
      if (fate && !arrived) return `Datagram ${number} was acknowledged: it did not arrive`;
    }
    return undefined;
  }
}
