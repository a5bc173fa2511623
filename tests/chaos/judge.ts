/**
 * What must hold when the chaos is over.
 *
 * @module
 */
import {
  ApplicationError,
  IdleTimeoutError,
  type QuicError,
  StatelessResetError,
  TransportErrorCode,
} from "../../transport/base/errors.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import { priceOf } from "../../schedulers/cost_aware.ts";
import type { PathStats } from "../../transport/paths/path_events.ts";
import type { LinkOptions } from "../kit/link_options.ts";
import { type Arena, livePaths } from "./arena.ts";
import type { Party } from "./party.ts";
import type { EndName } from "./plan.ts";
import { disagreement } from "./streams.ts";

/** A link that neither loses nor damages; rate, delay, queue and MTU stay as they are. */
const WELL: LinkOptions = {
  dead: false,
  unreachable: false,
  lossPercent: 0,
  duplicatePercent: 0,
  corruptPercent: 0,
};
/**
 * Milliseconds that any transfer may take, whatever it carries: validations, probes and their back-off. A host that slept for
 * 20 s has seen a round trip of as much, and a PTO of a minute.
 */
const PATIENCE = 300_000;
/** How many times longer than the chaos its back-off lasts. */
const BACK_OFF = 4;
/** The share of a link's rate that must be made use of, at least. */
const LEAST_USE = 0.05;
/** The time in which both ends must come to agree when all links are well: closed paths are kept for three such PTO. */
const AGREEMENT = 400_000;
/** An end that speaks now and then notices what is wrong. */
const PING_EVERY = 5000;
/** Closing takes three PTO, and as long as the idle timeout for the end that does not hear of it. */
const CLOSING = 1_300_000;

/** Ends the chaos and checks everything. Throws an `Error` that says what is wrong. */
export function judge(arena: Arena): void {
  const { world, client, server } = arena;
  for (const { sleeper } of [client, server]) sleeper.wake(world.now);
  if (arena.closings.size === 0) {
    const chaos = world.now;
    heal(arena, healthyLinks(arena));
    finishTransfers(arena, chaos);
    heal(arena, arena.links.map((_, i) => i));
    agree(arena);
    speak(arena);
    close(arena);
  } else {
    heal(arena, arena.links.map((_, i) => i));
  }
  part(arena);
}

/** What can be seen at any moment. */
export function assertSound(arena: Arena): void {
  assertAlive(arena);
  const complaint = streamComplaint(arena.client, arena.server) ?? streamComplaint(arena.server, arena.client);
  if (complaint !== undefined) throw new Error(complaint);
}

function assertAlive({ closings, client, server }: Arena): void {
  if (closings.size > 0) return;
  for (const { name, connection } of [client, server]) {
    const error = connection?.error;
    if (error !== undefined) throw new Error(`The ${name}'s connection ended: ${error.message}`);
  }
}

/** Those that the plan says, and one more when no path that both ends have runs over any of them. */
function healthyLinks(arena: Arena): number[] {
  const all = arena.links.map((_, i) => i);
  const healthy = all.filter((i) => (arena.plan.healthy >> i & 1) === 1);
  const { connection } = arena.client;
  if (arena.connections === undefined) return [0, ...healthy];
  const common = arena.commonPaths();
  const carrying = livePaths(connection!).filter((path) => common.includes(path.id)).map((path) => arena.linkOf(path));
  if (carrying.some((link) => healthy.includes(link))) return healthy;
  return carrying.length > 0 ? [...healthy, carrying[0]!] : all;
}

function heal(arena: Arena, links: readonly number[]): void {
  for (const i of links) {
    arena.links[i]!.set(WELL);
    arena.damage(i, "up", { kind: "drop" }, 0);
    arena.damage(i, "down", { kind: "drop" }, 0);
  }
}

/** All streams end, and what they carried is complete. */
function finishTransfers(arena: Arena, chaos: number): void {
  const { client, server, plan } = arena;
  for (const party of [client, server]) party.leave();
  const bytes = plan.operations.reduce((sum, operation) => sum + ("bytes" in operation ? operation.bytes : 0), 0);
  const slowest = Math.min(
    ...arena.links.flatMap((l) => [l.up, l.down].map((way) => way.options.rateMbps ?? Infinity)),
  );
  const bound = PATIENCE + BACK_OFF * chaos + bytes / (slowest * 125 * LEAST_USE);
  const complaint = settle(arena, () => transferComplaint(arena), bound);
  if (complaint !== undefined) throw new Error(`${complaint}, ${Math.round(bound)} ms after the chaos`);
}

function isOver({ client, server }: Arena): boolean {
  return client.connection?.error !== undefined || server.connection?.error !== undefined;
}

/** What is missing; `undefined`: nothing. */
function transferComplaint({ client, server }: Arena): string | undefined {
  if (!(client.connection?.isConfirmed && server.connection?.isConfirmed)) return "The handshake is not confirmed";
  for (const [sender, reader] of [[client, server], [server, client]] as const) {
    if (sender.wishes > 0) return `${sender.wishes} streams of the ${sender.name} wait to be opened`;
    for (const sending of sender.sends.values()) {
      const what = `Stream ${sending.id} from the ${sender.name}`;
      if (!sending.isSettled) return `${what} is not delivered: ${sending.written} bytes were taken`;
      const receiving = reader.receives.get(sending.id);
      if (receiving === undefined) return `${what} never arrived`;
      if (!receiving.isSettled) return `${what} has not ended at its reader: it is at byte ${receiving.at}`;
    }
  }
  return undefined;
}

function streamComplaint(sender: Party, reader: Party): string | undefined {
  for (const receiving of reader.receives.values()) {
    const sending = sender.sends.get(receiving.id);
    if (sending === undefined) {
      // The reader opened it, and the sender has not heard of it.
      if (receiving.at > 0 || receiving.hasEnded) return `Stream ${receiving.id} has bytes that nobody wrote`;
      continue;
    }
    const complaint = disagreement(sending, receiving);
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

/** With all links well, both ends see the same, and nothing is left over. */
function agree(arena: Arena): void {
  const [client, server] = arena.connections!;
  const complaint = (): string | undefined =>
    pathComplaint(client, server) ?? hintComplaint(arena, client, server) ?? arena.client.outgoing.complaint() ??
      arena.server.outgoing.complaint() ?? leftovers(client) ?? leftovers(server);
  const found = settle(arena, complaint, AGREEMENT);
  if (found !== undefined) throw new Error(`${found}, ${AGREEMENT} ms after all links are well`);
}

/**
 * Lets time pass until there is no complaint, for so many milliseconds; returns the complaint that is left. Both ends speak
 * now and then: where a translator has forgotten a client that has nothing to say, nothing can reach it.
 */
function settle(arena: Arena, complaint: () => string | undefined, bound: number): string | undefined {
  const { world, client, server } = arena;
  const end = world.now + bound;
  let found = complaint();
  while (found !== undefined && world.now < end && !isOver(arena)) {
    client.connection?.ping();
    server.connection?.ping();
    world.run({
      until: () => isOver(arena) || (found = complaint()) === undefined,
      limit: Math.min(end, world.now + PING_EVERY),
    });
  }
  assertSound(arena);
  return found;
}

/** What the ends think differently of paths. */
function pathComplaint(client: Connection, server: Connection): string | undefined {
  const known = (of: Connection): string => of.stats().paths.map(({ id, state }) => `${id} ${state}`).sort().join(", ");
  if (known(client) !== known(server)) return `Paths of the client: ${known(client)}; of the server: ${known(server)}`;
  for (const mine of client.stats().paths) {
    const theirs = server.path(mine.id)!;
    if (mine.state !== "usable") return `Path ${mine.id} is ${mine.state}`;
    const statuses = [
      { said: mine.status, heard: theirs.peerStatus, mayBeSpared: isSpared(client, mine) },
      { said: theirs.status, heard: mine.peerStatus, mayBeSpared: false },
    ];
    for (const { said, heard = "available", mayBeSpared } of statuses) {
      if (!client.isMultipath || heard === said || (mayBeSpared && heard === "backup")) continue;
      return `Path ${mine.id} is said to be ${said}, and heard to be ${heard}`;
    }
    const isTold = client.hasHints && mine.label !== "";
    if (isTold && described(mine) !== described(theirs)) {
      return `Path ${mine.id} is described as ${described(mine)}, and known as ${described(theirs)}`;
    }
  }
  return undefined;
}

/** Whether a client may say that a path is a backup because of its price, to a server that cannot know it. */
function isSpared(client: Connection, path: PathStats): boolean {
  return client.hasHints !== true && client.stats().paths.some((other) => priceOf(other) < priceOf(path));
}

function described({ label, cost, metered }: PathStats): string {
  return `${label} at ${cost}${metered ? ", metered" : ""}`;
}

/** What the server should have heard of the client's application. */
function hintComplaint(arena: Arena, client: Connection, server: Connection): string | undefined {
  if (client.hasHints !== server.hasHints || client.isMultipath !== server.isMultipath) return "Extensions differ";
  if (client.hasHints !== true) return undefined;
  for (const operation of arena.plan.operations) {
    if (operation.do !== "signal" || operation.end !== "client") continue;
    const name = `client ${operation.nth}`;
    const [said, heard] = [client.signalOf(name), server.signalOf(name)];
    if (said !== heard) return `Signal "${name}" is ${said}, and heard to be ${heard}`;
  }
  if (client.requestedMode === server.requestedMode) return undefined;
  return `Mode ${client.requestedMode} is requested, and heard as ${server.requestedMode}`;
}

/** What should not be kept when all has ended. */
function leftovers(connection: Connection): string | undefined {
  for (const { id, inFlight } of connection.stats().paths) {
    if (inFlight > 0) return `${inFlight} bytes of the ${connection.role} are in flight on path ${id}`;
  }
  return undefined;
}

/** Both can still say something, and streams that ended made room for others. */
function speak(arena: Arena): void {
  const { client, server, plan } = arena;
  const limits = { client: plan.server, server: plan.client };
  for (const party of [client, server]) {
    const { maxBidirectionalStreams = 1, maxUnidirectionalStreams = 1 } = limits[party.name];
    // Credit for streams may come in portions.
    const count = Math.min(4, Math.ceil(Math.min(maxBidirectionalStreams, maxUnidirectionalStreams) / 2));
    for (let i = 0; i < count; i++) {
      party.open({ kind: "bidirectional", bytes: 10, finish: true });
      party.open({ kind: "unidirectional", bytes: 10, finish: true });
    }
  }
  const complaint = settle(arena, () => transferComplaint(arena), PATIENCE);
  if (complaint !== undefined) throw new Error(`${complaint}, after all was quiet`);
}

/** Why a connection ends when an application closed it with this code. */
function isExpected(error: QuicError, code: number | undefined): boolean {
  if (error instanceof ApplicationError) return error.code === code;
  // Before the handshake is complete nothing is said of the application (RFC 9000 §10.2.3).
  if (error.code === TransportErrorCode.APPLICATION_ERROR) return error.byPeer && code !== undefined;
  return error instanceof IdleTimeoutError || error instanceof StatelessResetError;
}

function other(name: EndName): EndName {
  return name === "client" ? "server" : "client";
}

function close(arena: Arena): void {
  const { closer } = arena.plan;
  arena.closings.set(closer, 42);
  arena.party(closer).connection!.close(42, "the end", arena.now);
}

/** Both ends learn that it is over, for the right reason, and then nothing is kept. */
function part(arena: Arena): void {
  const { world, client, server } = arena;
  const { closings } = arena;
  const parties = [client, server].filter(({ connection }) => connection !== undefined);
  world.run({
    until: () => parties.every(({ closed, node }) => closed !== undefined && node.endpoint.connections.size === 0),
    limit: world.now + CLOSING,
  });
  for (const { name, closed, node } of parties) {
    if (closed === undefined) throw new Error(`The ${name} does not hear that the connection is closed`);
    if (node.endpoint.connections.size > 0) throw new Error(`The ${name}'s endpoint keeps a connection that is closed`);
    if (!isExpected(closed, closings.get(closed.byPeer ? other(name) : name))) {
      throw new Error(`The ${name}'s connection ended: ${closed.message}`);
    }
  }
  const end = world.run({ limit: world.now + CLOSING });
  if (end !== "idle") throw new Error("Something still happens when both ends are closed: expected no timer");
  assertSound(arena);
}
