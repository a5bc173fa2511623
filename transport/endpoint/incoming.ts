import { type KeyLevel, KeyRing } from "../../crypto/key_ring.ts";
import { initialSecrets } from "../../crypto/initial_keys.ts";
import type { CryptoProvider } from "../../crypto/provider.ts";
import { AES_128_GCM } from "../../crypto/suites.ts";
import type { Address, Datagram } from "../base/address.ts";
import type { Header } from "../wire/header.ts";

/** Datagrams that are kept beside the first while a client waits. */
export const MAX_LATER = 4;

/** A client's first Initial that waits for an answer. Its bytes are kept until then. */
export class Incoming {
  /** Where it arrived. */
  readonly local: Address;
  /** The client's address. */
  readonly remote: Address;
  /** The QUIC version that the client speaks. */
  readonly version: number;
  /** Whether a token proves the client's address. */
  readonly validated: boolean;
  /** The datagram, copied. */
  readonly datagram: Datagram;
  /** The destination connection id of its Initial packet. */
  readonly destinationId: Uint8Array;
  /** The client's connection id. */
  readonly sourceId: Uint8Array;
  /** With a Retry token: the destination id of the very first Initial. */
  readonly originalDestination: Uint8Array | undefined;
  /** Datagrams of the same client that came while this one waited, copied. */
  readonly later: Datagram[] = [];
  /** When it arrived. */
  readonly arrivedAt: number;
  #state: "waiting" | "answered" = "waiting";

  /** Made by the endpoint. */
  constructor(
    datagram: Datagram,
    header: Header,
    validated: boolean,
    originalDestination: Uint8Array | undefined,
    now: number,
  ) {
    this.arrivedAt = now;
    this.datagram = { ...datagram, data: datagram.data.slice() };
    this.local = datagram.local;
    this.remote = datagram.remote;
    this.version = header.version;
    this.destinationId = header.destinationId.slice();
    this.sourceId = header.sourceId.slice();
    this.validated = validated;
    this.originalDestination = originalDestination;
  }

  /** Keeps another datagram of the client, the rest of its first flight or a repetition, unless there are many. */
  keep(datagram: Datagram): void {
    if (this.later.length < MAX_LATER) this.later.push({ ...datagram, data: datagram.data.slice() });
  }

  /** Marks it answered; throws `TypeError` when it was already. */
  answer(): void {
    if (this.#state === "answered") throw new TypeError("Cannot answer an incoming connection: it was answered before");
    this.#state = "answered";
  }
}

const LEVEL: KeyLevel = "initial";

/** Whether a client's Initial packet opens: noise that only looks like one does not, and costs no connection. */
export function opensAsInitial(provider: CryptoProvider, header: Header, data: Uint8Array): boolean {
  const copy = data.slice(header.headerStart, header.end);
  const numberAt = header.numberAt - header.headerStart;
  const keys = new KeyRing(provider);
  keys.install(LEVEL, "read", AES_128_GCM, initialSecrets(provider, header.destinationId).client);
  const length = keys.unprotect(LEVEL, copy, 0, numberAt, copy.length);
  if (length < 0) return false;
  // The first packets of a client have small numbers: what is written is the number.
  return keys.open(LEVEL, copy, 0, numberAt + length, copy.length, 0, keys.truncatedNumber, 0) >= 0;
}
