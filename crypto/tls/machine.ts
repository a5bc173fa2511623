/**
 * What both sides' state machines share: messages in at levels, a table that says which step takes which, outputs out.
 *
 * @module
 */
import type { CipherSuite, CryptoProvider } from "../provider.ts";
import { TlsAlert } from "./alerts.ts";
import { type Message, MessageBuffer } from "./framing.ts";
import { exportKeyingMaterial } from "./key_schedule.ts";
import { messageName } from "./messages.ts";
import type { TlsLevel, TlsOutput, TlsSession } from "./session.ts";

/** One row of a state machine's table: at which level which messages are expected, and who takes them. */
export interface Row<Self, State> {
  readonly level: TlsLevel;
  /** By handshake type; a step returns the next state. */
  readonly steps: { readonly [type: number]: (self: Self, message: Message) => State };
}

/** A state machine's table. */
export type Table<Self, State extends string> = { readonly [S in State]: Row<Self, State> };

/** What a finished handshake leaves for exporters. */
interface Exporter {
  readonly suite: CipherSuite;
  readonly secret: Uint8Array;
}

/** A side of a handshake. `State` names its states. */
export abstract class Machine<State extends string> implements TlsSession {
  readonly #provider: CryptoProvider;
  readonly #keyLog: boolean;
  readonly #buffer = new MessageBuffer();
  readonly #outputs: TlsOutput[] = [];
  #nextOutput = 0;
  #state: State;
  #failure: TlsAlert | undefined;
  #exporter: Exporter | undefined;
  #isComplete = false;

  protected constructor(provider: CryptoProvider, keyLog: boolean, start: State) {
    this.#provider = provider;
    this.#keyLog = keyLog;
    this.#state = start;
  }

  abstract readonly alpn: string | undefined;
  abstract readonly peerCertificates: readonly Uint8Array[];
  abstract readonly serverName: string | undefined;

  /** The row of a state. */
  protected abstract rowOf(state: State): Row<this, State>;

  receive(level: TlsLevel, data: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#take(level, data);
    } catch (error) {
      this.#failure = error instanceof TlsAlert
        ? error
        : new TlsAlert("internal_error", `Handshake failed on this side: ${describe(error)}`, { cause: error });
      throw this.#failure;
    }
  }

  next(): TlsOutput | undefined {
    const output = this.#outputs[this.#nextOutput];
    if (output === undefined) {
      this.#outputs.length = this.#nextOutput = 0;
      return undefined;
    }
    this.#nextOutput++;
    return output;
  }

  export(label: string, context: Uint8Array, length: number): Uint8Array {
    if (this.#exporter === undefined || !this.#isComplete) {
      throw new Error("No keying material before the handshake is complete: expected a complete handshake");
    }
    const { suite, secret } = this.#exporter;
    return exportKeyingMaterial(this.#provider, suite.hash, secret, label, context, length);
  }

  /** Queues an output. */
  protected emit(output: TlsOutput): void {
    this.#outputs.push(output);
  }

  /** Queues a line for SSLKEYLOGFILE, when asked for. */
  protected logSecret(label: string, clientRandom: Uint8Array, secret: Uint8Array): void {
    if (this.#keyLog) this.emit({ kind: "keylog", line: `${label} ${hex(clientRandom)} ${hex(secret)}` });
  }

  /** Keeps the exporter secret; usable once complete. */
  protected keepExporter(suite: CipherSuite, secret: Uint8Array): void {
    this.#exporter = { suite, secret };
  }

  /** Queues "complete". */
  protected complete(alpn: string, suite: CipherSuite): void {
    this.#isComplete = true;
    this.emit({ kind: "complete", alpn, suite });
  }

  #take(level: TlsLevel, data: Uint8Array): void {
    if (data.length === 0) return;
    const expected = this.rowOf(this.#state).level;
    if (level !== expected) {
      throw new TlsAlert("unexpected_message", `Handshake bytes came at level ${level}: expected level ${expected}`);
    }
    this.#buffer.push(data);
    const admit = (type: number) => this.#admit(type);
    for (let message = this.#buffer.next(admit); message !== undefined; message = this.#buffer.next(admit)) {
      const row = this.rowOf(this.#state);
      this.#state = row.steps[message.type]!(this, message);
      // RFC 8446 §5.1, RFC 9001 §4.1.3: no message may span a change of keys.
      if (this.rowOf(this.#state).level !== level && !this.#buffer.isEmpty) {
        throw TlsAlert.violation(
          `Handshake bytes follow ${messageName(message.type)} at level ${level}: expected a change of keys`,
        );
      }
    }
  }

  #admit(type: number): void {
    const { steps } = this.rowOf(this.#state);
    if (steps[type] !== undefined) return;
    const names = Object.keys(steps).map((key) => messageName(Number(key)));
    const expected = names.length > 0 ? names.join(" or ") : "no more handshake messages";
    throw new TlsAlert("unexpected_message", `${messageName(type)} came out of turn: expected ${expected}`);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
