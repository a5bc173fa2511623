/**
 * UDP sockets as the driver sees them: one local address each, datagrams in by callback, datagrams out without waiting.
 *
 * @module
 */
import type { Address } from "../base/address.ts";
import type { SendErrorKind } from "../connection/connection.ts";

export type { SendErrorKind } from "../connection/connection.ts";

/** Which of the platform's sockets it is. */
export type SocketName = "deno" | "node";

/** Who is told of what a socket does. Neither function may throw. */
export interface SocketEvents {
  /** A datagram arrived. `data` belongs to the callee until it returns. */
  onDatagram(data: Uint8Array, remote: Address): void;
  /** The socket will neither send nor receive any more, and `close` was not called. */
  onDead(error: Error): void;
}

/** What becomes of one `send`; exactly one of the two is called, once, never before `send` has returned. */
export interface SendReceipt {
  /** The socket has taken the bytes: their memory may be used again. */
  readonly taken: () => void;
  /** The bytes did not leave. */
  readonly failed: (error: unknown) => void;
}

/** A bound UDP socket. */
export interface UdpSocket {
  readonly name: SocketName;
  /** Where it is bound; the port is the one that the system chose when 0 was asked for. */
  readonly local: Address;
  /** Begins to receive. Called once. */
  start(events: SocketEvents): void;
  /** Sends `data` and leaves it alone; the bytes must stay as they are until the receipt comes. Never throws. */
  send(data: Uint8Array, remote: Address, receipt: SendReceipt): void;
  /** Resolves when nothing of the socket is pending any more. Repeated calls do nothing. */
  close(): Promise<void>;
}

const KINDS: Readonly<Record<string, SendErrorKind>> = {
  ENETUNREACH: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  EHOSTDOWN: "unreachable",
  EAFNOSUPPORT: "unreachable",
  EINVAL: "unreachable",
  NetworkUnreachable: "unreachable",
  EMSGSIZE: "too-large",
  EADDRNOTAVAIL: "gone",
  ENODEV: "gone",
  EBADF: "gone",
  AddrNotAvailable: "gone",
  BadResource: "gone",
  ERR_SOCKET_DGRAM_NOT_RUNNING: "gone",
};

/**
 * Sorts an error of either platform. `"other"` may pass by itself: the packet counts as lost (EPERM from a firewall rule,
 * ENOBUFS, EAGAIN).
 */
export function sendErrorKind(error: unknown): SendErrorKind {
  if (!(error instanceof Error)) return "other";
  const code = (error as Error & { code?: unknown }).code;
  return (typeof code === "string" ? KINDS[code] : undefined) ?? KINDS[error.name] ?? "other";
}

/** Whether the runtime refused the destination: it is for the person at the keyboard to know, not for a path. */
export function isPermissionError(error: unknown): error is Error {
  return error instanceof Error && error.name === "NotCapable";
}

/** A UDP socket could not be opened. */
export class SocketError extends Error {
  /** `"SocketError"`. */
  override name = "SocketError";
  /** The system's, such as `"EADDRINUSE"`, where the platform tells. */
  readonly code: string | undefined;

  /** `cause` is what the platform threw. */
  constructor(message: string, code: string | undefined, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
