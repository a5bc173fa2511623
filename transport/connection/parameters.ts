import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { Role } from "../base/role.ts";
import { HINTS_VERSION, SINGLE_SPACE_VERSION } from "../wire/hints_codepoints.ts";
import { ParameterError } from "../wire/parameter_error.ts";
import {
  greaseParameter,
  readParameters,
  type TransportParameters,
  writeParameters,
} from "../wire/transport_parameters.ts";
import { ACK_DELAY_EXPONENT } from "./ack_owner.ts";
import type { ResolvedConfig } from "./config.ts";
import type { Context } from "./context.ts";

/** The connection ids that the handshake authenticates (RFC 9000 §7.3), as this end saw them. */
export interface HandshakeIds {
  /** The source id of the first packets of this end. */
  readonly source: Uint8Array;
  /** The destination id of the client's very first Initial. */
  readonly originalDestination: Uint8Array;
  /** The source id of the Retry packet, if there was one. */
  readonly retrySource: Uint8Array | undefined;
}

/** What the server adds to its parameters. */
export interface ServerOnlyParameters {
  readonly statelessResetToken: Uint8Array | undefined;
}

/** Our transport parameters, ready for TLS. */
export function ourParameters(
  config: ResolvedConfig,
  role: Role,
  ids: HandshakeIds,
  server: ServerOnlyParameters | undefined,
  random: (into: Uint8Array) => void,
): Uint8Array {
  const parameters: Partial<TransportParameters> = {
    ...streamLimits(config),
    maxIdleTimeout: config.maxIdleTimeout,
    maxUdpPayloadSize: Math.max(config.maxUdpPayload, 1200),
    ackDelayExponent: ACK_DELAY_EXPONENT,
    maxAckDelay: config.maxAckDelay,
    disableActiveMigration: !config.allowMigration,
    activeConnectionIdLimit: config.activeConnectionIdLimit,
    initialSourceConnectionId: ids.source,
    maxDatagramFrameSize: config.maxDatagramFrameSize,
    greaseQuicBit: config.grease,
    initialMaxPathId: config.maxPaths > 0 ? config.maxPaths - 1 : undefined,
    hints: config.hints ? HINTS_VERSION : undefined,
    singleSpace: config.numberSpaces === "single" && config.maxPaths > 0 ? SINGLE_SPACE_VERSION : undefined,
  };
  const own = role === "client" ? {} : {
    originalDestinationConnectionId: ids.originalDestination,
    retrySourceConnectionId: ids.retrySource,
    statelessResetToken: server?.statelessResetToken,
  };
  return writeParameters({ ...parameters, ...own }, config.grease ? [greaseParameter(random)] : []);
}

/** Whether both ends asked for one packet number space for all paths. */
export function sharesSpace({ config, peer }: Context): boolean {
  return config.numberSpaces === "single" && peer?.singleSpace !== undefined;
}

/** The credit that we give, under its wire names. */
export function streamLimits(config: ResolvedConfig): {
  readonly initialMaxData: number;
  readonly initialMaxStreamDataBidiLocal: number;
  readonly initialMaxStreamDataBidiRemote: number;
  readonly initialMaxStreamDataUni: number;
  readonly initialMaxStreamsBidi: number;
  readonly initialMaxStreamsUni: number;
} {
  return {
    initialMaxData: config.initialMaxData,
    initialMaxStreamDataBidiLocal: config.initialMaxStreamData,
    initialMaxStreamDataBidiRemote: config.initialMaxStreamData,
    initialMaxStreamDataUni: config.initialMaxStreamData,
    initialMaxStreamsBidi: config.maxBidirectionalStreams,
    initialMaxStreamsUni: config.maxUnidirectionalStreams,
  };
}

/** Reads the peer's parameters; throws `TransportError` (TRANSPORT_PARAMETER_ERROR). */
export function peerParameters(bytes: Uint8Array, from: Role): TransportParameters {
  try {
    return readParameters(bytes, from);
  } catch (error) {
    if (error instanceof ParameterError) throw parameterError(error.message);
    throw error;
  }
}

/**
 * Checks that the connection ids in the peer's parameters are those of the packets (RFC 9000 §7.3).
 * `peerSource` is the source id of the peer's first Initial or Handshake packet.
 */
export function checkHandshakeIds(
  peer: TransportParameters,
  role: Role,
  ids: HandshakeIds,
  peerSource: Uint8Array,
): void {
  mustMatch("initial_source_connection_id", peer.initialSourceConnectionId, peerSource);
  if (role === "server") return;
  mustMatch("original_destination_connection_id", peer.originalDestinationConnectionId, ids.originalDestination);
  mustMatch("retry_source_connection_id", peer.retrySourceConnectionId, ids.retrySource);
}

function mustMatch(name: string, declared: Uint8Array | undefined, seen: Uint8Array | undefined): void {
  if (declared === undefined && seen === undefined) return;
  if (declared === undefined) throw parameterError(`${name} is missing`);
  if (seen === undefined) throw parameterError(`${name} is there although there was no Retry`);
  if (!sameBytes(declared, seen)) {
    throw parameterError(`${name} is ${declared.toHex()}, expected ${seen.toHex()} as in the packets`);
  }
}

function parameterError(message: string): TransportError {
  return new TransportError(TransportErrorCode.TRANSPORT_PARAMETER_ERROR, message, 0x06);
}

/** Whether two arrays hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
