import { type PathStats, pathStats } from "../paths/path_events.ts";
import type { Parts } from "./assemble.ts";
import type { SchedulerStats } from "./scheduler_seat.ts";

/** How a connection does. */
export interface ConnectionStats {
  /** `"1"`. */
  readonly version: string;
  /** The name of the TLS cipher suite; empty before there are 1-RTT keys. */
  readonly cipher: string;
  /** UDP payload. */
  readonly bytesSent: number;
  /** UDP payload. */
  readonly bytesReceived: number;
  /** At all levels, on all paths. */
  readonly packetsSent: number;
  /** Those that could be opened. */
  readonly packetsReceived: number;
  /** Ack-eliciting packets declared lost. */
  readonly packetsLost: number;
  /** Updates of the 1-RTT keys. */
  readonly keyUpdates: number;
  /** How 1-RTT packets of several paths are numbered; `"single"` once both ends turned out to want it. */
  readonly numberSpaces: "multiple" | "single";
  /** Each path that is not gone. */
  readonly paths: readonly PathStats[];
  /** Who decides on which path data goes, and how well. */
  readonly scheduler: SchedulerStats;
  /** Likewise for each mode that streams or datagrams have for themselves, if it is not the connection's. */
  readonly streamSchedulers: readonly SchedulerStats[];
}

/** How a connection of these parts does. */
export function connectionStats(parts: Parts, version: number): ConnectionStats {
  const { handshake, transmitter, receiver, keys, paths, spaces, seats } = parts;
  const all: PathStats[] = [];
  let packetsLost = 0;
  for (const path of paths.all()) {
    packetsLost += path.packetsLost;
    all.push(pathStats(path));
  }
  return {
    version: String(version),
    cipher: handshake.cipher,
    bytesSent: transmitter.bytesSent,
    bytesReceived: receiver.bytesReceived,
    packetsSent: transmitter.packetsSent,
    packetsReceived: receiver.packetsReceived,
    packetsLost,
    keyUpdates: keys.generation,
    numberSpaces: spaces.layout.name,
    paths: all,
    scheduler: seats.stats(),
    streamSchedulers: seats.othersStats(),
  };
}
