/**
 * What the commands run on: which sockets, which cryptography.
 *
 * @module
 */
import { type CryptoProvider, fastestProvider } from "@multipath/quic/crypto";

/** What a command's endpoints are made with. */
export interface Platform {
  readonly socket: "deno" | "node";
  readonly crypto: CryptoProvider;
}

/** `Deno.listenDatagram` where it is there, which takes `--unstable-net`, and the fastest cryptography. */
export function platform(): Platform {
  const deno = typeof (Deno as { listenDatagram?: unknown }).listenDatagram === "function";
  return { socket: deno ? "deno" : "node", crypto: fastestProvider() };
}
