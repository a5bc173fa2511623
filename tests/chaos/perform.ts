/**
 * Operations, done. What cannot be done just now is left out; what a connection refuses it must refuse in the way that it
 * promises.
 *
 * @module
 */
import { budget, schedulerOf } from "../../schedulers/mod.ts";
import { PathError, QuicError } from "../../transport/base/errors.ts";
import type { Arena } from "./arena.ts";
import { livePaths } from "./arena.ts";
import { isTooManyModes, type Party } from "./party.ts";
import type { Deed, EndName, Operation } from "./plan.ts";

/** Does one operation; returns what became of it, for people. */
export function perform(arena: Arena, operation: Operation): string {
  return HANDLERS[operation.do](arena, operation as never);
}

type Handlers = { readonly [K in Deed["do"]]: (arena: Arena, deed: Extract<Deed, { do: K }>) => string };

const NOTHING = "–";

const HANDLERS: Handlers = {
  openPath: (arena, { link, port, status, cost = 0, metered = false }) =>
    onEnd(arena, "client", ({ connection }) => {
      const at = link % arena.links.length;
      const id = connection!.openPath({
        local: arena.localOf(at, port),
        remote: arena.remoteOf(at),
        properties: { label: arena.links[at]!.label, cost, metered },
        status,
      }, arena.now);
      return `path ${id}`;
    }),
  closePath: (arena, { end, nth, code }) => onEnd(arena, end, (party) => closePath(arena, party, nth, code)),
  status: (arena, { end, nth, status }) =>
    onEnd(arena, end, ({ connection }) => {
      const path = at(connection!.stats().paths, nth);
      if (path === undefined) return NOTHING;
      connection!.setPathStatus(path.id, status, arena.now);
      return `path ${path.id}`;
    }),
  describe: (arena, { nth, label, cost, metered = false }) =>
    onEnd(arena, "client", ({ connection }) => {
      const path = at(connection!.stats().paths, nth);
      if (path === undefined) return NOTHING;
      connection!.describePath(path.id, { label, cost, metered });
      return `path ${path.id}`;
    }),
  rebind: (arena, { link, address }) => {
    // Before the handshake is confirmed nobody may move (RFC 9000 §9).
    if (arena.connections === undefined || arena.plan.operations.some(changesIds)) return NOTHING;
    arena.links[link % arena.links.length]!.rebind({ address });
    return `link ${link % arena.links.length}`;
  },
  keys: (arena, { end }) => onEnd(arena, end, ({ connection }) => (connection!.updateKeys(), "asked")),
  rotate: (arena, { end, nth }) =>
    onEnd(arena, end, ({ connection }) => {
      const path = at(livePaths(connection!), nth);
      return path === undefined ? NOTHING : `path ${path.id}: ${connection!.rotateConnectionId(path.id)}`;
    }),
  renew: (arena, { end, nth }) =>
    onEnd(arena, end, ({ connection }) => {
      const path = at(livePaths(connection!), nth);
      return path === undefined ? NOTHING : `path ${path.id}: ${connection!.renewConnectionIds(path.id)}`;
    }),
  damage: (arena, { link, direction, damage, count }) => {
    const number = link % arena.links.length;
    for (const way of ["up", "down"] as const) {
      if (direction === way || direction === "both") arena.damage(number, way, damage, count);
    }
    return `link ${number}`;
  },
  cut: (arena, { link, direction, how }) => {
    arena.links[link % arena.links.length]!.set({ [how]: true }, direction);
    return `link ${link % arena.links.length}`;
  },
  mend: (arena, { link }) => {
    arena.links[link % arena.links.length]!.set({ dead: false, unreachable: false });
    return `link ${link % arena.links.length}`;
  },
  shape: (arena, { link, direction, shape }) => {
    arena.links[link % arena.links.length]!.set(shape, direction);
    return `link ${link % arena.links.length}`;
  },
  mtu: (arena, { link, mtu }) => {
    arena.links[link % arena.links.length]!.set({ mtu });
    return `link ${link % arena.links.length}`;
  },
  sleep: (arena, { end, ms, keeps }) => {
    const { sleeper } = arena.party(end);
    if (sleeper.isAsleep) return NOTHING;
    sleeper.sleep(keeps);
    arena.world.after(ms, (now) => sleeper.wake(now));
    return "asleep";
  },
  mode: (arena, { end, mode }) =>
    onEnd(arena, end, ({ connection }) => {
      connection!.setMode(mode, arena.now);
      return mode;
    }),
  budget: (arena, { end, mode, bytes }) =>
    onEnd(arena, end, ({ connection }) => {
      const keys = ["0", ...arena.links.map((link) => link.label)];
      const budgetBytes = Object.fromEntries(keys.map((key) => [key, bytes]));
      connection!.setMode(budget({ budgetBytes, inner: schedulerOf(mode) }), arena.now);
      return `${bytes} bytes`;
    }),
  allow: (arena, { end, nth, bytes }) =>
    onEnd(arena, end, ({ connection }) => {
      const path = at(connection!.stats().paths, nth);
      if (path === undefined) return NOTHING;
      connection!.setPathBudget(path.id, bytes < 0 ? Infinity : bytes, arena.now);
      return `path ${path.id}`;
    }),
  streamMode: (arena, { end, nth, mode }) =>
    onEnd(arena, end, (party) => {
      const sending = at(party.unsettledSends(), nth);
      if (sending === undefined) return NOTHING;
      party.connection!.setStreamMode(sending.id, mode === "" ? undefined : mode);
      return `stream ${sending.id}`;
    }),
  askStream: (arena, { nth, mode }) =>
    onEnd(arena, "client", (party) => {
      const receiving = at(party.unsettledReceives(), nth);
      if (receiving === undefined) return NOTHING;
      party.connection!.requestStreamMode(receiving.id, mode === "" ? undefined : mode);
      return `stream ${receiving.id}`;
    }),
  ask: (arena, { mode }) => onEnd(arena, "client", ({ connection }) => (connection!.requestMode(mode), mode)),
  stream: (arena, { end, kind, bytes, finish }) =>
    onEnd(arena, end, (party) => {
      party.open({ kind, bytes, finish });
      return `${party.sends.size} streams, ${party.wishes} wait`;
    }),
  write: (arena, { end, nth, bytes }) =>
    onEnd(arena, end, (party) => {
      const sending = at(party.openSends(), nth);
      if (sending === undefined) return NOTHING;
      sending.write(bytes, party.connection!);
      return `stream ${sending.id}`;
    }),
  finish: (arena, { end, nth }) =>
    onEnd(arena, end, (party) => {
      const sending = at(party.openSends(), nth);
      if (sending === undefined) return NOTHING;
      sending.finish(party.connection!);
      return `stream ${sending.id}`;
    }),
  reset: (arena, { end, nth, code }) =>
    onEnd(arena, end, (party) => {
      const sending = at(party.unsettledSends(), nth);
      if (sending === undefined) return NOTHING;
      sending.reset(code, party.connection!);
      return `stream ${sending.id}`;
    }),
  stop: (arena, { end, nth, code }) =>
    onEnd(arena, end, (party) => {
      const receiving = at(party.unsettledReceives(), nth);
      if (receiving === undefined) return NOTHING;
      receiving.stop(code, party.connection!);
      return `stream ${receiving.id}`;
    }),
  priority: (arena, { end, nth, urgency, incremental }) =>
    onEnd(arena, end, (party) => {
      const sending = at(party.unsettledSends(), nth);
      if (sending === undefined) return NOTHING;
      party.connection!.setPriority(sending.id, urgency, incremental);
      return `stream ${sending.id}`;
    }),
  pin: (arena, { end, nth, path }) =>
    onEnd(arena, end, (party) => {
      // Of a stream of which all is written, what is sent may all have arrived: there is nothing to pin then.
      const sending = at(party.openSends(), nth);
      if (sending === undefined) return NOTHING;
      const id = at(livePaths(party.connection!), path)?.id;
      party.connection!.pin(sending.id, id);
      return `stream ${sending.id} to ${id ?? "none"}`;
    }),
  reading: (arena, { end, on }) =>
    onEnd(arena, end, (party) => {
      party.setReading(on);
      return on ? "reads" : "does not read";
    }),
  datagrams: (arena, { end, count, bytes, path, life, mode = "" }) =>
    onEnd(arena, end, (party) => {
      const connection = party.connection!;
      const id = at(livePaths(connection), path)?.id;
      for (let i = 0; i < count; i++) {
        party.outgoing.send(bytes, connection, {
          ...(id === undefined ? {} : { path: id }),
          ...(life === 0 ? {} : { expiresAt: arena.now + life }),
          ...(mode === "" ? {} : { mode }),
        });
      }
      return id === undefined ? "any path" : `path ${id}`;
    }),
  signal: (arena, { end, nth, value }) =>
    onEnd(arena, end, ({ connection, name }) => {
      connection!.signal(`${name} ${nth}`, value, arena.now);
      return `${name} ${nth}`;
    }),
  ping: (arena, { end }) => onEnd(arena, end, ({ connection }) => (connection!.ping(), "pinged")),
  poke: (arena, { end }) => onEnd(arena, end, ({ connection }) => (connection!.handleTimeout(arena.now), "poked")),
  close: (arena, { end, code }) =>
    onEnd(arena, end, ({ connection }) => {
      connection!.close(code, "enough", arena.now);
      arena.closings.set(end, code);
      return "closed";
    }),
};

/**
 * Addresses and ids do not change in the same run: who is out of spare ids when the peer comes with another id from another
 * address must not answer there (RFC 9000 §9.5), and all may end.
 */
function changesIds(operation: Operation): boolean {
  return operation.do === "rotate" || operation.do === "renew";
}

/** Does something at an end that can. A path that there is no more, or an end that is over, may refuse. */
function onEnd(arena: Arena, end: EndName, act: (party: Party) => string): string {
  const party = arena.party(end);
  if (!party.isUp) return NOTHING;
  try {
    return act(party);
  } catch (error) {
    if (error instanceof PathError || isTooManyModes(error)) return error.message;
    const isOver = party.connection?.error !== undefined;
    if (isOver && error instanceof QuicError) return error.message;
    throw error;
  }
}

/** Closes a path unless it is the last that both ends would keep: two ends that close each other's last end the connection. */
function closePath(arena: Arena, party: Party, nth: number, code: number): string {
  const path = at(party.connection!.stats().paths, nth);
  if (path === undefined) return NOTHING;
  if (!arena.commonPaths().some((id) => id !== path.id)) return `not path ${path.id}, the last`;
  party.connection!.closePath(path.id, code, "at random", arena.now);
  arena.forsaken.add(path.id);
  return `path ${path.id}`;
}

function at<T>(list: readonly T[], nth: number): T | undefined {
  return list.length === 0 || nth < 0 ? undefined : list[nth % list.length];
}
