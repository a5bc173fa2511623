/**
 * Cuts the stream of handshake bytes into messages, with a bound on each before it is buffered.
 *
 * @module
 */
import { TlsAlert } from "./alerts.ts";
import { HandshakeType, HEADER_LENGTH, messageName } from "./messages.ts";

/** Most bytes of a Certificate message's body: room for a long chain of RSA certificates. */
export const MAX_CERTIFICATE_LENGTH = 65_536;

/** Most bytes of any other message's body. */
export const MAX_MESSAGE_LENGTH = 16_384;

/** One handshake message. */
export interface Message {
  readonly type: number;
  /** Header and body: what the transcript takes. */
  readonly raw: Uint8Array;
  readonly body: Uint8Array;
}

/** Collects bytes into messages. Holds at most one message and what came with its last byte. */
export class MessageBuffer {
  #bytes: Uint8Array = new Uint8Array();
  /** Bytes of `#bytes` in use from `#from` on. */
  #from = 0;
  #to = 0;

  /** Whether no byte waits. */
  get isEmpty(): boolean {
    return this.#from === this.#to;
  }

  /** Takes bytes; copies them. */
  push(data: Uint8Array): void {
    const waiting = this.#to - this.#from;
    if (this.#to + data.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(waiting + data.length, this.#wanted(), 2 * waiting));
      larger.set(this.#bytes.subarray(this.#from, this.#to));
      this.#bytes = larger;
      this.#from = 0;
      this.#to = waiting;
    }
    this.#bytes.set(data, this.#to);
    this.#to += data.length;
  }

  /**
   * The next whole message, which is the caller's to keep; `undefined` when bytes are missing. `admit` sees the type as soon
   * as it is here and may throw; a length above the limit is "illegal_parameter".
   */
  next(admit: (type: number) => void): Message | undefined {
    if (this.isEmpty) return undefined;
    const type = this.#bytes[this.#from]!;
    admit(type);
    const whole = this.#wanted();
    if (whole === 0) return undefined;
    const most = type === HandshakeType.certificate ? MAX_CERTIFICATE_LENGTH : MAX_MESSAGE_LENGTH;
    if (whole - HEADER_LENGTH > most) {
      throw new TlsAlert(
        "illegal_parameter",
        `${messageName(type)} has ${whole - HEADER_LENGTH} bytes: expected at most ${most}`,
      );
    }
    if (this.#to - this.#from < whole) return undefined;
    const raw = this.#bytes.slice(this.#from, this.#from + whole);
    this.#from += whole;
    if (this.isEmpty) {
      this.#bytes = new Uint8Array();
      this.#from = this.#to = 0;
    }
    return { type, raw, body: raw.subarray(HEADER_LENGTH) };
  }

  /** The whole length of the first message; 0 while its header is not here. */
  #wanted(): number {
    if (this.#to - this.#from < HEADER_LENGTH) return 0;
    const at = this.#from;
    return HEADER_LENGTH + (this.#bytes[at + 1]! << 16 | this.#bytes[at + 2]! << 8 | this.#bytes[at + 3]!);
  }
}
