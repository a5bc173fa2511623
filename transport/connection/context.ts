import type { CryptoProvider, RandomBytes } from "../../crypto/provider.ts";
import type { Observer, TraceEvents, TraceName } from "../base/observer.ts";
import type { Role } from "../base/role.ts";
import type { TransportParameters } from "../wire/transport_parameters.ts";
import type { ResolvedConfig } from "./config.ts";
import type { EventQueue } from "./events.ts";

/** What all parts of one connection share. */
export interface Context {
  readonly role: Role;
  readonly config: ResolvedConfig;
  readonly provider: CryptoProvider;
  readonly random: RandomBytes;
  readonly events: EventQueue;
  readonly observer: Observer | undefined;
  /** The peer's transport parameters, once they are known. */
  peer: TransportParameters | undefined;
  /** Whether RFC 10069 is on: both ends offered it, and the handshake is complete. */
  multipath: boolean;
  /** The version of the hints extension that is in use; 0: not both ends offered it, or the handshake is not complete. */
  hints: number;
}

/** A part with deadlines of its own. */
export interface Timed {
  /** When it next wants to be called; Infinity: never. */
  nextTimeout(): number;
  onTimeout(now: number): void;
}

/** An observer that cannot hurt: whatever it throws stays with it. */
export function guardObserver(observer: Observer | undefined): Observer | undefined {
  if (observer === undefined) return undefined;
  return {
    on<N extends TraceName>(name: N, data: TraceEvents[N], now: number): void {
      try {
        observer.on(name, data, now);
      } catch {
        // A broken observer must not break the connection that it watches.
      }
    },
  };
}
