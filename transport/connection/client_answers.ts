import { isRetryIntact } from "../../crypto/retry_integrity.ts";
import type { Datagram } from "../base/address.ts";
import { VersionError } from "../base/errors.ts";
import type { DropReason } from "../base/observer.ts";
import type { Header } from "../wire/header.ts";
import { WireError } from "../wire/reader.ts";
import { QUIC_V1, readVersionNegotiation } from "../wire/version.ts";
import { MAX_TOKEN_LENGTH } from "./config.ts";
import type { Context } from "./context.ts";
import type { Handshake } from "./handshake.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { sameBytes } from "./parameters.ts";

/** What a server may answer a client's first Initial with, other than a handshake: Retry and Version Negotiation. */
export class ClientAnswers {
  readonly #context: Context;
  readonly #lifecycle: Lifecycle;
  readonly #handshake: Handshake;
  readonly #originalDestination: Uint8Array;

  constructor(context: Context, lifecycle: Lifecycle, handshake: Handshake, originalDestination: Uint8Array) {
    this.#context = context;
    this.#lifecycle = lifecycle;
    this.#handshake = handshake;
    this.#originalDestination = originalDestination;
  }

  /** `heard`: a packet of the server was processed already; then neither means anything any more. */
  receive(header: Header, datagram: Datagram, heard: boolean, now: number): void {
    const reason = header.type === "retry"
      ? this.#retry(header, datagram, heard, now)
      : this.#versions(header, datagram, heard, now);
    if (reason === undefined) return;
    this.#context.observer?.on("quic:packet_dropped", {
      reason,
      size: header.end - header.headerStart,
      type: header.type as "retry",
      remote: datagram.remote,
    }, now);
  }

  /** RFC 9000 §17.2.5.2: one Retry at the most, before anything else, with an intact tag. */
  #retry(header: Header, datagram: Datagram, heard: boolean, now: number): DropReason | undefined {
    const handshake = this.#handshake;
    if (heard || handshake.wasRetried) return "retry_unexpected";
    if (!sameBytes(header.destinationId, handshake.sourceId)) return "unknown_connection_id";
    const packet = datagram.data.subarray(header.headerStart, header.end);
    if (!isRetryIntact(this.#context.provider, this.#originalDestination, packet)) return "retry_integrity";
    if (sameBytes(header.sourceId, this.#originalDestination)) return "retry_unexpected";
    if (header.token.length > MAX_TOKEN_LENGTH) return "token_invalid";
    this.#context.observer?.on("quic:packet_received", {
      header: { type: "retry", number: -1, path: 0 },
      size: packet.length,
      frames: [],
      local: datagram.local,
      remote: datagram.remote,
      ecn: datagram.ecn,
    }, now);
    handshake.retry(header.sourceId.slice(), header.token.slice(), now);
    return undefined;
  }

  /** RFC 9000 §6.2: a list with our version in it is a mistake or an attack, any other ends the attempt. */
  #versions(header: Header, datagram: Datagram, heard: boolean, now: number): DropReason | undefined {
    const handshake = this.#handshake;
    if (heard || handshake.wasRetried) return "version_negotiation_unexpected";
    let versions: readonly number[];
    try {
      versions = readVersionNegotiation(datagram.data, header.headerStart, header.end).versions;
    } catch (error) {
      if (error instanceof WireError) return "header_parse_error";
      throw error;
    }
    const ours = sameBytes(header.destinationId, handshake.sourceId) &&
      sameBytes(header.sourceId, this.#originalDestination);
    if (!ours || versions.includes(QUIC_V1)) return "version_negotiation_unexpected";
    this.#context.observer?.on("quic:version_information", { chosen: 0, offered: versions }, now);
    this.#lifecycle.discard(new VersionError(versions), now);
    return undefined;
  }
}
