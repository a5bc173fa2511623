/**
 * Who else appears in tests of paths: a client that speaks from where nobody knows it, and somebody who keeps path events.
 *
 * @module
 */
import type { Connection } from "../../transport/connection/connection.ts";
import type { PathEvent } from "../../transport/paths/path_events.ts";
import type { NewConnectionIdFrame } from "../../transport/wire/frames/types.ts";
import { Pair, type PairOptions } from "../connection/pair.ts";
import { Rogue } from "../connection/rogue.ts";

/** An address of the client that the server has not seen before. */
export const STRANGER = { hostname: "10.0.9.9", port: 999 } as const;

/** A server with one path, and a rogue client whose packets may come from anywhere. */
export function stranger(options: PairOptions = {}): { readonly pair: Pair; readonly rogue: Rogue } {
  const pair = new Pair(options).confirm();
  // What the server sends to the stranger must lead somewhere.
  const link = pair.world.addLink({ client: STRANGER.hostname, server: pair.link.server });
  link.down.tap = () => "drop";
  pair.world.runFor(2000);
  return { pair, rogue: new Rogue(pair, "client").takeOver() };
}

/** Whether a path can be used for data. */
export function isUsable(connection: Connection, id: number): boolean {
  return connection.stats().paths.some((path) => path.id === id && path.state === "usable");
}

/** The path events of a connection from now on; whoever else wants its events gets them too. */
export function pathEvents(connection: Connection): () => PathEvent[] {
  const events: PathEvent[] = [];
  const nextEvent = connection.nextEvent.bind(connection);
  connection.nextEvent = () => {
    const event = nextEvent();
    if (event?.type === "path") events.push(event);
    return event;
  };
  return () => events;
}

/** A connection id that nobody else makes. */
export function newId(path: number, sequence: number, retirePriorTo = 0): NewConnectionIdFrame {
  const connectionId = Uint8Array.of(0xaa, path, sequence >> 8, sequence, 0xaa, 0xaa, 0xaa, 0xaa);
  const resetToken = new Uint8Array(16).fill(1 + path * 16 + sequence);
  return { kind: "new_connection_id", path, sequence, retirePriorTo, connectionId, resetToken };
}
