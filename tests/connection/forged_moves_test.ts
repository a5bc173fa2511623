import { assert, assertEquals, assertLess } from "@std/assert";
import type { Address } from "../../transport/base/address.ts";
import { DEFAULT_ID_LENGTH } from "../../transport/endpoint/config.ts";
import type { Frame, FrameKind } from "../../transport/wire/frames/types.ts";
import { parseHeader } from "../../transport/wire/header.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "./pair.ts";
import { Rogue } from "./rogue.ts";
import { assertSettled, bulkPair, finish, moved } from "./transfers.ts";

const ELSEWHERE: Address = { hostname: "10.0.0.1", port: 60_001 };
const FAR_AWAY: Address = { hostname: "203.0.113.9", port: 60_001 };
const CHALLENGE: Frame = { kind: "path_challenge", data: new Uint8Array(8).fill(9) };
const PING: Frame = { kind: "ping" };

/** A confirmed pair that has calmed down, with a rogue in the client's name. */
function attacked(): { readonly pair: Pair; readonly rogue: Rogue } {
  const pair = new Pair().confirm();
  pair.world.runFor(1000);
  const rogue = new Rogue(pair, "client").takeOver();
  return { pair, rogue };
}

/** Where the server's path leads. */
function remoteOf(pair: Pair): Address {
  return pair.server.stats().paths[0]!.remote;
}

/** The remote addresses of packets with a frame of a kind that the server sent. */
function toldTo(pair: Pair, kind: FrameKind): string[] {
  return pair.serverTrace.filter("quic:packet_sent", (data) => data.frames.some((frame) => frame.kind === kind))
    .map(({ data }) => textOf(data.remote));
}

/** What the server sends from now on: which ids of the client it uses towards an address, wherever that leads. */
function watched(pair: Pair): { readonly idsTo: (address: Address) => Set<string> } {
  const ids = new Map<string, Set<string>>();
  const idsTo = (address: Address): Set<string> => ids.get(textOf(address)) ?? new Set();
  const { transmit } = pair.serverNode;
  pair.serverNode.transmit = (now, buffer) => {
    const train = transmit.call(pair.serverNode, now, buffer);
    if (train === undefined) return train;
    const seen = idsTo(train.remote);
    ids.set(textOf(train.remote), seen);
    for (let at = 0; at < train.length; at += train.segment) {
      const end = Math.min(at + train.segment, train.length);
      seen.add(parseHeader(buffer, at, end, DEFAULT_ID_LENGTH).destinationId.toHex());
    }
    return train;
  };
  return { idsTo };
}

function textOf({ hostname, port }: Address): string {
  return `${hostname} ${port}`;
}

Deno.test("Connection answers probes from another address there, and does not move (RFC 9000 §9.1)", () => {
  const { pair, rogue } = attacked();
  const spare = pair.serverTrace.frames("sent", "new_connection_id")[1]!.frame.connectionId;
  rogue.send({ frames: [CHALLENGE], size: 1200, destinationId: spare }, { from: FAR_AWAY });
  assertEquals(remoteOf(pair), CLIENT_ADDRESS);
  assertEquals(toldTo(pair, "path_response"), [`${FAR_AWAY.hostname} ${FAR_AWAY.port}`]);
  const answer = pair.serverTrace.last(
    "quic:packet_sent",
    (data) => data.frames.some((frame) => frame.kind === "path_response"),
  )!;
  assertEquals(answer.data.size, 1200);
  // The id that the peer sees there was seen nowhere else (RFC 9000 §9.5).
  const others = pair.serverTrace.filter("quic:packet_sent", (data) => data.remote.hostname === FAR_AWAY.hostname);
  assertEquals(others.length, 1);
});

Deno.test("Connection does not answer a small probe with a large datagram", () => {
  const { pair, rogue } = attacked();
  rogue.send({ frames: [CHALLENGE] }, { from: FAR_AWAY });
  const sent = pair.serverTrace.filter("quic:packet_sent", (data) => data.remote.hostname === FAR_AWAY.hostname);
  assertEquals(sent.length, 1);
  assertLess(sent[0]!.data.size, 130);
});

Deno.test("Connection challenges a new address before all else, however many ranges an ACK would have (RFC 9000 §8.2)", () => {
  const pair = new Pair({ server: { maxAckRanges: 64 } }).confirm();
  pair.world.runFor(1000);
  const rogue = new Rogue(pair, "client").takeOver();
  // Every other packet was lost.
  const first = 1000;
  for (let i = 0; i < 64; i++) rogue.send({ frames: [PING], number: first + 2 * i });
  rogue.send({ frames: [PING], number: first + 200 }, { from: FAR_AWAY });
  assertEquals(remoteOf(pair), FAR_AWAY);
  assert(toldTo(pair, "path_challenge").includes(`${FAR_AWAY.hostname} ${FAR_AWAY.port}`), "no challenge there");
});

Deno.test("Connection moves with a packet that is no probe, and challenges both addresses", () => {
  const { pair, rogue } = attacked();
  rogue.send({ frames: [PING] }, { from: ELSEWHERE });
  assertEquals(remoteOf(pair), ELSEWHERE);
  assertEquals(new Set(toldTo(pair, "path_challenge")), new Set(["10.0.0.1 60001", "10.0.0.1 50000"]));
});

Deno.test("Connection does not move with a packet that is not the newest (RFC 9000 §9.3)", () => {
  const { pair, rogue } = attacked();
  const first =
    pair.clientTrace.filter("quic:packet_sent", (d) => d.header.type === "one_rtt").at(-1)!.data.header.number;
  rogue.send({ frames: [PING], number: first + 6 });
  rogue.send({ frames: [PING], number: first + 3 }, { from: ELSEWHERE });
  assertEquals(remoteOf(pair), CLIENT_ADDRESS);
  rogue.send({ frames: [PING], number: first + 7 }, { from: ELSEWHERE });
  assertEquals(remoteOf(pair), ELSEWHERE);
});

Deno.test("Connection does not move with a packet that was seen before, nor with one that does not open", () => {
  const { pair, rogue } = attacked();
  const packet = rogue.seal({ frames: [PING] });
  rogue.deliver(packet);
  rogue.deliver(packet, { from: ELSEWHERE });
  const broken = rogue.seal({ frames: [PING] });
  broken[broken.length - 1]! ^= 1;
  rogue.deliver(broken, { from: ELSEWHERE });
  assertEquals(remoteOf(pair), CLIENT_ADDRESS);
  pair.serverTrace.assertDropped("duplicate");
  pair.serverTrace.assertDropped("decryption_failure");
});

Deno.test("Connection goes back when the new address does not answer (RFC 9000 §9.3.2)", () => {
  const { pair, rogue } = attacked();
  rogue.send({ frames: [PING] }, { from: FAR_AWAY });
  assertEquals(remoteOf(pair), FAR_AWAY);
  pair.world.runFor(10_000);
  assertEquals(remoteOf(pair), CLIENT_ADDRESS);
  const states = pair.serverTrace.filter("quic:migration_state_updated").map(({ data }) => data.new);
  assertEquals(states, ["migration_started", "migration_failed"]);
  assertEquals(pair.server.state, "connected");
});

/** A rogue that was just answered at the client's address, and has an id of the server's that was not used yet. */
function onTheMove(): ReturnType<typeof attacked> & { spare: Uint8Array } & ReturnType<typeof watched> {
  const { pair, rogue } = attacked();
  const spare = pair.serverTrace.frames("sent", "new_connection_id")[1]!.frame.connectionId;
  const watch = watched(pair);
  rogue.send({ frames: [PING], size: 1452 });
  return { pair, rogue, spare, ...watch };
}

Deno.test("Connection uses an id of its own at an address to which the peer moved on purpose (RFC 9000 §9.5)", () => {
  const { pair, rogue, spare, idsTo } = onTheMove();
  rogue.send({ frames: [PING], destinationId: spare, size: 1200 }, { from: FAR_AWAY });
  pair.world.runFor(30);
  assertEquals(remoteOf(pair), FAR_AWAY);
  // The old address was answered before the move, and challenged after it.
  assert(toldTo(pair, "path_challenge").includes(textOf(CLIENT_ADDRESS)));
  assertEquals([idsTo(CLIENT_ADDRESS).size, idsTo(FAR_AWAY).size], [1, 1]);
  assertEquals(idsTo(CLIENT_ADDRESS).intersection(idsTo(FAR_AWAY)), new Set());
});

Deno.test("Connection uses an id of its own at each address that the peer probes from, and where it then goes (RFC 9000 §9.5)", () => {
  const { pair, rogue, spare, idsTo } = onTheMove();
  rogue.send({ frames: [CHALLENGE], destinationId: spare, size: 1200 }, { from: ELSEWHERE });
  // The peer changed its id with the address, although not at the address that it was at last: it knows what it does.
  rogue.send({ frames: [PING], destinationId: spare, size: 1200 }, { from: FAR_AWAY });
  pair.world.runFor(30);
  assertEquals(remoteOf(pair), FAR_AWAY);
  const ids = [CLIENT_ADDRESS, ELSEWHERE, FAR_AWAY].map((address) => [...idsTo(address)]);
  assertEquals(ids.map((each) => each.length), [1, 1, 1]);
  assertEquals(new Set(ids.flat()).size, 3);
});

Deno.test("Connection that went back to an address keeps the ids used elsewhere apart from it (RFC 9000 §9.5)", () => {
  const { pair, rogue, spare, idsTo } = onTheMove();
  rogue.send({ frames: [PING], destinationId: spare, size: 1200 }, { from: ELSEWHERE });
  pair.world.runFor(10_000);
  assertEquals(remoteOf(pair), CLIENT_ADDRESS);
  // No translator: at the address to which the server went back, the peer has another id.
  rogue.send({ frames: [PING], destinationId: spare, size: 1200 }, { from: FAR_AWAY });
  pair.world.runFor(30);
  assert(idsTo(FAR_AWAY).size > 0);
  assertEquals(idsTo(FAR_AWAY).intersection(idsTo(CLIENT_ADDRESS)), new Set());
});

Deno.test("Connection keeps its id when the peer keeps its own: a translator may be behind the move", () => {
  const { pair, rogue } = attacked();
  const { idsTo } = watched(pair);
  rogue.send({ frames: [PING] });
  rogue.send({ frames: [PING] }, { from: FAR_AWAY });
  pair.world.runFor(30);
  assertEquals(remoteOf(pair), FAR_AWAY);
  assertEquals(idsTo(FAR_AWAY).size, 1);
  assertEquals(idsTo(FAR_AWAY), idsTo(CLIENT_ADDRESS));
});

Deno.test("Connection without another id of the peer waits in peace for one, and serves the old address", () => {
  const { pair, rogue } = attacked();
  const ids = pair.serverTrace.frames("sent", "new_connection_id").map(({ frame }) => frame.connectionId);
  // Each move takes an id of the client's, which never gives new ones.
  for (let i = 0; i < 40; i++) {
    const from = { hostname: `203.0.113.${i + 1}`, port: 1000 + i };
    rogue.send({ frames: [PING, PING], destinationId: ids[i % ids.length]! }, { from });
    rogue.send({ frames: [PING], destinationId: ids[i % ids.length]! }, { from });
    pair.world.runFor(20);
  }
  pair.world.runFor(20_000);
  assert(pair.server.state === "connected" || pair.server.state === "closed");
});

Deno.test("Connection is not moved for good by one who forwards packets faster than the network", () => {
  const transfer = bulkPair("up", 3_000_000);
  const { pair, load } = transfer;
  pair.world.require("half a megabyte", () => moved(load) > 500_000);
  let copies = 0;
  let toAttacker = 0;
  let fromAttacker = 0;
  pair.link.up.tap = ({ data, now }) => {
    if (copies >= 50) return "pass";
    copies += 1;
    const copy = data.slice();
    fromAttacker += copy.length;
    // It arrives 2 ms before the original.
    pair.world.at(now + 13, (at) => {
      pair.serverNode.receive({ data: copy, local: SERVER_ADDRESS, remote: FAR_AWAY, ecn: "not-ect" }, at);
    });
    return "pass";
  };
  const { transmit } = pair.serverNode;
  pair.serverNode.transmit = (now, buffer) => {
    const train = transmit.call(pair.serverNode, now, buffer);
    if (train?.remote.hostname === FAR_AWAY.hostname) toAttacker += train.length;
    return train;
  };
  finish(transfer);
  assertEquals(copies, 50);
  assert(toAttacker > 0 && toAttacker <= 3 * fromAttacker, `${toAttacker} bytes for ${fromAttacker}`);
  pair.world.runFor(5000);
  assertEquals(remoteOf(pair), CLIENT_ADDRESS);
  assertSettled(pair);
});

Deno.test("Connection at a client ignores packets from addresses that it does not speak to", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(500);
  const rogue = new Rogue(pair, "server").takeOver();
  rogue.send({ frames: [PING] }, { from: FAR_AWAY });
  pair.clientTrace.assertDropped("unknown_server_address");
  assertEquals(pair.client.stats().paths[0]!.remote, SERVER_ADDRESS);
});

Deno.test("Connection answers challenges on the path that is in use, each once", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(500);
  const rogue = new Rogue(pair, "server").takeOver();
  const challenge = (byte: number): Frame => ({ kind: "path_challenge", data: new Uint8Array(8).fill(byte) });
  rogue.send({ frames: [challenge(1), challenge(2)], size: 1200 });
  pair.world.runFor(1000);
  assertEquals(rogue.frames("path_response").map(({ data }) => data[0]), [1, 2]);
  assert(rogue.datagrams.some((datagram) => datagram.length >= 1200));
});
