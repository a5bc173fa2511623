/**
 * Addresses that change within a path: rows 110 to 112 and 122 to 126 of the checklist in `multipath-spec.md` §8.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import type { Address } from "../../transport/base/address.ts";
import { TransportErrorCode } from "../../transport/base/errors.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { parseHeader } from "../../transport/wire/header.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { PathStats } from "../../transport/paths/path_events.ts";
import type { Trace } from "../kit/trace.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { CLIENT_ADDRESS } from "../connection/pair.ts";
import { Forged, framesIn, openHere } from "./forged.ts";
import { Paths } from "./paths.ts";

const PING: Frame = { kind: "ping" };
const HOME: Address = CLIENT_ADDRESS;
const ELSEWHERE: Address = { hostname: "10.99.0.1", port: 4444 };
const OTHER_PORT: Address = { hostname: HOME.hostname, port: 50_001 };

const pathOf = (c: Connection, id: number): PathStats => c.stats().paths.find((p) => p.id === id)!;

/** A server opposite a rogue client that can also speak from `ELSEWHERE`. */
function server(paths = 2): Forged {
  const f = new Forged("server", paths);
  f.pair.link.attach({ client: ELSEWHERE.hostname, server: "192.0.2.1" });
  return f;
}

/** Sends from an address on path 1; returns where the server sent what since then, on that path. */
function from(f: Forged, address: Address, frames: readonly Frame[], number?: number, wait = 0): Address[] {
  const before = f.trace.entries.length;
  f.rogue.send({ frames, path: 1, size: 60, ...(number === undefined ? {} : { number }) }, { from: address });
  f.world.runFor(wait);
  const sent = f.trace.entries.slice(before).filter((e) => e.name === "quic:packet_sent");
  return sent.flatMap(({ data }) =>
    "remote" in data && "header" in data && data.header.path === 1 ? [data.remote!] : []
  );
}

/** PATH_CHALLENGE frames by the address that they were sent to. */
function challenges(f: Forged, to: Address): Uint8Array[] {
  return f.trace.filter("quic:packet_sent", (d) => d.remote.hostname === to.hostname && d.remote.port === to.port)
    .flatMap(({ data }) => data.frames.flatMap((g) => g.kind === "path_challenge" ? [g.data] : []));
}

function numbers(trace: Trace, path: number): number[] {
  return trace.filter("quic:packet_sent", (d) => d.header.path === path).map((e) => e.data.header.number);
}

for (const address of [false, true]) {
  const what = address ? "address" : "port";
  Deno.test(`rows 110, 111: path 1 goes on when a NAT changes its ${what}, and path 0 notices nothing`, () => {
    const load = new Requests(bulk("both", 4_000_000));
    const links = [{ delayMs: 20, rateMbps: 10 }, { delayMs: 20, rateMbps: 10 }];
    const f = new Paths({ links, clientApps: [load.client], serverApps: [load.server] }).ready();
    f.world.runFor(500);
    const [before, zero] = [pathOf(f.server, 1), pathOf(f.server, 0)];
    f.links[1]!.rebind({ address });
    const rebound = f.world.now;
    let settled: PathStats | undefined;
    f.serverTrace.assertNone("quic:migration_state_updated");
    f.world.require("the migration", () => {
      settled = pathOf(f.server, 1);
      return settled.remote.port !== before.remote.port;
    });
    assertEquals(settled!.id, 1);
    if (address) {
      assertNotEquals(settled!.remote.hostname, before.remote.hostname);
      assert(settled!.cwnd < 14_000 && settled!.cwnd < before.cwnd, `${settled!.cwnd} is the initial window`);
    } else {
      assert(settled!.cwnd >= before.cwnd * 0.5, "a change of the port alone keeps the window");
    }
    f.world.require("the transfer", () => load.isDone);
    const states = f.serverTrace.filter("quic:migration_state_updated").map((e) => [e.data.path, e.data.new]);
    assertEquals(states, [[1, "migration_started"], [1, "migration_complete"]]);
    assertEquals(pathOf(f.server, 0).remote, zero.remote);
    assertEquals(pathOf(f.client, 1).state, "usable");
    for (const trace of [f.clientTrace, f.serverTrace]) {
      const all = numbers(trace, 1);
      assertEquals(all, all.toSorted((a, b) => a - b), "packet numbers go on");
      assertGreater(trace.count("quic:packet_sent", (d, now) => d.header.path === 1 && now > rebound + 500), 100);
      trace.assertNone("multipath:path_closed");
      trace.assertNone("multipath:path_state_updated", (d) => d.path === 0 && d.new !== "usable");
    }
    assert(load.completedAt < 4500, `${load.completedAt} ms for 4 MB each way over 20 Mbit/s`);
  });
}

Deno.test("row 110: connection ids that change leave a path's numbers alone", () => {
  const f = new Paths().ready();
  f.world.runFor(300);
  for (let i = 0; i < 5; i++) {
    for (const end of [f.client, f.server]) {
      assert(end.rotateConnectionId(1));
      const id = end.openStream("bidirectional")!;
      end.write(id, new Uint8Array(20_000));
    }
    f.world.runFor(300);
  }
  for (const trace of [f.clientTrace, f.serverTrace]) {
    const all = numbers(trace, 1);
    assertEquals(all, all.toSorted((a, b) => a - b));
    assertGreater(all.length, 10);
    assertGreater(new Set(trace.frames("sent", "retire_connection_id").map((r) => r.frame.sequence)).size, 4);
    trace.assertNone("multipath:path_closed");
  }
});

Deno.test("row 112: two path ids on one 4-tuple carry data side by side", () => {
  const load = new Requests(bulk("both", 3_000_000));
  const f = new Paths({
    open: [],
    links: [{ delayMs: 20, rateMbps: 20 }],
    clientApps: [load.client],
    serverApps: [load.server],
  })
    .ready();
  f.world.runFor(200);
  assertEquals(openHere(f.client, f.world.now), 1);
  f.world.require("the transfer", () => load.isDone);
  for (const end of [f.client, f.server]) {
    const [zero, one] = end.stats().paths;
    assertEquals([zero!.remote, zero!.local], [one!.remote, one!.local]);
    for (const path of [zero!, one!]) {
      assertGreater(path.bytesSent, 100_000, `path ${path.id}`);
      assertGreater(path.bytesReceived, 100_000, `path ${path.id}`);
    }
  }
});

Deno.test("row 122: a path whose new address does not answer goes back to the last validated one", () => {
  const f = server();
  const moved = from(f, ELSEWHERE, [PING]);
  assertEquals(new Set(moved.map((a) => a.hostname)), new Set([ELSEWHERE.hostname, HOME.hostname]));
  assertEquals(pathOf(f.victim, 1).remote, ELSEWHERE);
  f.acknowledging([0, 1], 10_000, 0);
  assertEquals(pathOf(f.victim, 1).remote, HOME);
  assertEquals(f.trace.filter("quic:migration_state_updated").map((e) => e.data.new), [
    "migration_started",
    "migration_failed",
  ]);
  f.assertWell();
  // Not even then is there a need to abandon it: what comes from home is answered there.
  const back = from(f, HOME, [PING], undefined, 30);
  assertGreater(back.length, 0);
  assertEquals(new Set(back.map((a) => a.hostname)), new Set([HOME.hostname]));
  f.trace.assertNone("multipath:path_closed");
});

Deno.test("row 122: a path that has no validated address to go back to is abandoned", () => {
  const f = server(1);
  // Path 1 is opened from one address and moves on before that is validated.
  f.rogue.send({ frames: [PING], path: 1, size: 60 }, { from: OTHER_PORT });
  f.rogue.send({ frames: [PING], path: 1, size: 60 }, { from: ELSEWHERE });
  const said = framesIn(f.acknowledging([0], 10_000), "path_abandon");
  assertEquals(said.map((s) => [s.on, s.frame.path, s.frame.code]), [[0, 1, TransportErrorCode.PATH_UNSTABLE_OR_POOR]]);
  f.assertWell();
});

Deno.test("row 122: a path whose new address answered, and then fell silent, is there when it is heard again", () => {
  const f = server(1);
  f.rogue.send({ frames: [PING], path: 1, size: 60 }, { from: OTHER_PORT });
  f.rogue.send({ frames: [PING], path: 1, size: 60 }, { from: ELSEWHERE });
  // The challenge is no longer than the limit allows: that the address answers proves nothing of 1200 bytes.
  from(f, ELSEWHERE, [{ kind: "path_response", data: challenges(f, ELSEWHERE).at(-1)! }]);
  assertEquals(pathOf(f.victim, 1).state, "usable");
  f.acknowledging([0], 20_000);
  f.trace.assertNone("multipath:path_closed");
  const asked = challenges(f, ELSEWHERE).length;
  // The only other path ends meanwhile: without this one the connection would be over.
  f.send([{ kind: "path_abandon", path: 0, code: 0 }], 1);
  from(f, ELSEWHERE, [PING]);
  assertGreater(challenges(f, ELSEWHERE).length, asked, "the size is asked for again");
  from(f, ELSEWHERE, [{ kind: "path_response", data: challenges(f, ELSEWHERE).at(-1)! }]);
  f.acknowledging([1], 20_000);
  assertEquals(pathOf(f.victim, 1).state, "usable");
  f.assertWell();
});

Deno.test("row 123: a path moves with a packet of more than probing frames and the highest number, no other", () => {
  const f = server();
  from(f, HOME, [PING]);
  const last = f.trace.filter("quic:packet_received", (d) => d.header.path === 1).at(-1)!.data.header.number;
  const challenge: Frame = { kind: "path_challenge", data: new Uint8Array(8) };
  from(f, HOME, [PING], last + 10);
  const stays: readonly (readonly [string, readonly Frame[], number | undefined])[] = [
    ["only probing frames", [challenge], undefined],
    ["probing frames and padding", [challenge, { kind: "padding", length: 1000 }], undefined],
    ["an old number", [PING], last + 5],
  ];
  for (const [what, frames, number] of stays) {
    from(f, ELSEWHERE, frames, number);
    assertEquals(pathOf(f.victim, 1).remote, HOME, what);
  }
  f.trace.assertNone("quic:migration_state_updated");
  from(f, ELSEWHERE, [PING]);
  assertEquals(pathOf(f.victim, 1).remote, ELSEWHERE);
  // An older packet from home does not call it back.
  from(f, HOME, [PING], last + 6);
  assertEquals(pathOf(f.victim, 1).remote, ELSEWHERE);
  assertEquals(pathOf(f.victim, 0).remote, HOME);
});

Deno.test("row 124: the address that a path had before is challenged too, and an answer there brings it back", () => {
  const f = server();
  const known = challenges(f, HOME).length;
  from(f, ELSEWHERE, [PING]);
  assertEquals(challenges(f, ELSEWHERE).length, 1);
  assertEquals(challenges(f, HOME).length, known + 1);
  // The true client, whose packet a stranger had sent on from elsewhere, goes on speaking.
  from(f, HOME, [{ kind: "path_response", data: challenges(f, HOME).at(-1)! }, PING]);
  assertEquals(pathOf(f.victim, 1).remote, HOME);
  f.acknowledging([0, 1], 5000);
  assertEquals(pathOf(f.victim, 1).remote, HOME);
  f.assertWell();
});

Deno.test("row 125: what goes to an address inside a path that is not validated keeps to three times what came from it", () => {
  const f = server();
  const id = f.victim.openStream("bidirectional")!;
  f.victim.write(id, new Uint8Array(200_000));
  f.acknowledging([0, 1], 20);
  const received = f.rogue.seal({ frames: [PING, { kind: "padding", length: 500 }], path: 1 });
  f.rogue.deliver(received, { from: ELSEWHERE });
  const sentTo = (): number =>
    f.trace.filter("quic:packet_sent", (d) => d.remote.hostname === ELSEWHERE.hostname)
      .reduce((sum, e) => sum + e.data.size, 0);
  f.acknowledging([0], 2000);
  assertGreater(sentTo(), 0);
  assert(sentTo() <= 3 * received.length, `${sentTo()} bytes for ${received.length}`);
  const answer = f.rogue.seal({
    frames: [{ kind: "path_response", data: challenges(f, ELSEWHERE).at(-1)! }, PING],
    path: 1,
  });
  f.rogue.deliver(answer, { from: ELSEWHERE });
  // Nobody answered there for so long that the path is taken back with the next answer to a probe.
  f.acknowledging([0, 1], 2000);
  f.victim.write(f.victim.openStream("bidirectional")!, new Uint8Array(200_000));
  f.acknowledging([0, 1], 500);
  assertGreater(sentTo(), 3 * (received.length + answer.length), "then it is free");
});

Deno.test("row 126: no connection id is seen on two links, whatever changes", () => {
  const load = new Requests(bulk("both", 2_000_000));
  const links = [{ delayMs: 20, rateMbps: 10 }, { delayMs: 20, rateMbps: 10 }, { delayMs: 5, rateMbps: 5 }];
  const f = new Paths({ links, clientApps: [load.client], serverApps: [load.server] });
  const seen = new Map<string, string>();
  f.world.onSend = (link, direction, data) => {
    const header = parseHeader(data, 0, data.length, 8);
    if (header.type !== "one_rtt") return;
    const id = `${direction} ${header.destinationId.toHex()}`;
    assertEquals(seen.get(id) ?? link.label, link.label, id);
    seen.set(id, link.label);
  };
  f.ready();
  for (let round = 0; round < 6; round++) {
    f.world.runFor(150);
    for (const end of [f.client, f.server]) end.rotateConnectionId(round % 3);
    if (round === 2) f.links[1]!.rebind({ address: true });
    if (round === 4) f.client.closePath(2, 0, "done", f.world.now);
  }
  f.world.require("the transfer", () => load.isDone);
  assertGreater(seen.size, 8);
});

Deno.test("row 126: a peer that moves with a new connection id is answered with a new one", () => {
  const f = server();
  from(f, HOME, [PING], undefined, 30);
  const old = f.usedId(1).toHex();
  const given = f.trace.frames("sent", "new_connection_id").filter(({ frame }) => frame.path === 1);
  const inUse = f.rogue.idFor(1).toHex();
  const other = given.find(({ frame }) => frame.connectionId.toHex() !== inUse)!.frame.connectionId;
  const before = f.rogue.caught.length;
  f.rogue.send({ frames: [PING], path: 1, size: 60, destinationId: other }, { from: ELSEWHERE });
  f.after(30);
  const there = f.trace.filter("quic:packet_sent", (d) => d.remote.hostname === ELSEWHERE.hostname).map((e) =>
    e.data.header.number
  );
  const packets = f.rogue.caught.slice(before).filter((p) => p.path === 1 && there.includes(p.number));
  assertGreater(packets.length, 0);
  for (const packet of packets) assertNotEquals(packet.destinationId.toHex(), old);
});
