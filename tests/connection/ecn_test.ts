import { assert, assertEquals, assertLess } from "@std/assert";
import type { Ecn } from "../../transport/base/address.ts";
import type { Link } from "../kit/link.ts";
import type { Trace } from "../kit/trace.ts";
import { Pair } from "./pair.ts";
import { assertSettled, bulkPair, finish, moved } from "./transfers.ts";

const MARKING = { ecn: true };
const BOTH = { client: MARKING, server: MARKING };

/** The marks of the datagrams that an end sent, in order. */
function marks(trace: Trace, from = 0): Ecn[] {
  return trace.filter("quic:packet_sent", (_data, now) => now >= from).map(({ data }) => data.ecn);
}

/** What the ends think of their path, in order. */
function states(trace: Trace): string[] {
  return trace.filter("quic:ecn_state_updated").map(({ data }) => data.new);
}

/** A network that changes marks on the way. */
function remark(link: Link, change: (mark: Ecn, n: number) => Ecn): void {
  const { offer } = link;
  let n = 0;
  link.offer = (data, mark, now) => offer.call(link, data, change(mark, n++), now);
}

Deno.test("Connection marks its packets where the network carries marks, and echoes what it got", () => {
  const transfer = bulkPair("both", 500_000, BOTH);
  finish(transfer);
  const { pair } = transfer;
  for (const trace of [pair.clientTrace, pair.serverTrace]) {
    assertEquals(states(trace), ["capable"]);
    assertEquals(new Set(marks(trace)), new Set(["ect0"]));
  }
  // The counts are those of the packets that arrived.
  const echoed = pair.clientTrace.frames("sent", "ack").at(-1)!;
  const arrived = pair.clientTrace.count(
    "quic:packet_received",
    (data, now) => data.header.type === "one_rtt" && now <= echoed.now,
  );
  assertEquals(echoed.frame.ecn?.ect0, arrived);
  assertEquals([echoed.frame.ecn?.ect1, echoed.frame.ecn?.ce], [0, 0]);
  assertSettled(pair);
});

Deno.test("Connection does not mark unless it is told to", () => {
  const transfer = bulkPair("both", 100_000);
  finish(transfer);
  assertEquals(new Set(marks(transfer.pair.serverTrace)), new Set(["not-ect"]));
  assertEquals(transfer.pair.clientTrace.frames("sent", "ack").every(({ frame }) => frame.ecn === undefined), true);
});

Deno.test("Connection slows down for CE marks before anything is lost", () => {
  const transfer = bulkPair("down", 10_000_000, { ...BOTH, link: { ecn: true } });
  const { pair, load } = transfer;
  finish(transfer);
  const { counts } = pair.link.down;
  assert(counts.marked > 10, `${counts.marked} datagrams were marked`);
  // Slow start may overshoot by more than the other half of the queue; after it nothing is lost.
  assertEquals(pair.serverTrace.count("quic:packet_lost", (_data, now) => now > 500), 0);
  const ce = pair.clientTrace.frames("sent", "ack").at(-1)!.frame.ecn!.ce;
  assert(ce > 10 && ce <= counts.marked);
  // 10 MB take 4.1 s at 20 Mbit/s.
  assertLess(load.completedAt, 4800);
  assertSettled(pair);
});

Deno.test("Connection halves its window once per round trip for marks, however many there are", () => {
  const transfer = bulkPair("down", 3_000_000, BOTH);
  const { pair, load } = transfer;
  pair.world.require("half of it", () => moved(load) > 1_500_000);
  const before = pair.server.stats().paths[0]!.cwnd;
  let left = 20;
  remark(pair.link.down, (mark) => left-- > 0 ? "ce" : mark);
  pair.world.runFor(90);
  const { cwnd } = pair.server.stats().paths[0]!;
  assert(cwnd > 0.65 * before && cwnd < 0.85 * before, `the window went from ${before} to ${cwnd}`);
  assertEquals(states(pair.serverTrace), ["capable"]);
  finish(transfer);
  assertSettled(pair);
});

const BAD_NETWORKS: readonly (readonly [string, (mark: Ecn, n: number) => Ecn])[] = [
  ["clears marks", () => "not-ect"],
  ["makes ECT(1) of ECT(0)", (mark) => mark === "ect0" ? "ect1" : mark],
  ["marks everything", (mark) => mark === "not-ect" ? mark : "ce"],
  ["clears every other mark", (mark, n) => n % 2 === 0 ? mark : "not-ect"],
];

for (const [what, change] of BAD_NETWORKS) {
  Deno.test(`Connection does without marks where the network ${what}`, () => {
    const transfer = bulkPair("both", 1_000_000, BOTH);
    const { pair, load } = transfer;
    remark(pair.link.up, change);
    remark(pair.link.down, change);
    finish(transfer);
    for (const trace of [pair.clientTrace, pair.serverTrace]) {
      assertEquals(states(trace).at(-1), "failed");
      const failed = trace.last("quic:ecn_state_updated")!.now;
      assertEquals(new Set(marks(trace, failed + 0.001)), new Set(["not-ect"]));
    }
    // Ten packets with CE in a row take the window to its least before they are known to be nonsense.
    assertLess(load.completedAt, 3000);
    assertSettled(pair);
  });
}

Deno.test("Connection does without marks where the network swallows what is marked", () => {
  const pair = new Pair(BOTH);
  const { offer } = pair.link.up;
  pair.link.up.offer = (data, mark, now) => {
    if (mark === "not-ect") return offer.call(pair.link.up, data, mark, now);
    return { dropped: "tap" };
  };
  // Ten marked packets are tried, or three probe timeouts long.
  pair.confirm(10_000);
  assertEquals(states(pair.clientTrace).includes("capable"), false);
  const id = pair.client.openStream("bidirectional")!;
  pair.client.write(id, new Uint8Array(100_000));
  pair.world.require("the stream", () => pair.server.stats().paths[0]!.streamBytesReceived >= 100_000);
  assertSettled(pair);
});

Deno.test("Connection believes no marks after it was told nonsense, and none that were not echoed", () => {
  const transfer = bulkPair("down", 2_000_000, { server: MARKING });
  const { pair, load } = transfer;
  pair.world.require("half of it", () => moved(load) > 1_000_000);
  assertEquals(states(pair.serverTrace), ["capable"]);
  // From now on the network clears what it carried before.
  remark(pair.link.down, () => "not-ect");
  pair.world.runFor(200);
  assertEquals(states(pair.serverTrace), ["capable", "failed"]);
  finish(transfer);
  assertSettled(pair);
});

for (const address of [true, false]) {
  Deno.test(`Connection begins anew with marks at another ${address ? "address" : "port"}, and takes old counts for old`, () => {
    const transfer = bulkPair("down", 6_000_000, {
      ...BOTH,
      link: { ecn: true },
      client: { ...MARKING, keepAlive: 100 },
    });
    const { pair, load } = transfer;
    pair.world.require("half of it", () => moved(load) > 3_000_000);
    const before = pair.clientTrace.frames("sent", "ack").at(-1)!.frame.ecn!;
    assert(before.ce > 0 && before.ect0 > 500);
    pair.link.rebind({ address });
    pair.world.require("the migration", () => {
      return pair.serverTrace.filter("quic:migration_state_updated").at(-1)?.data.new === "migration_complete";
    });
    pair.world.runFor(300);
    assertEquals(states(pair.serverTrace).filter((state) => state === "failed"), []);
    assertEquals(states(pair.serverTrace).at(-1), "capable");
    finish(transfer);
    assertSettled(pair);
  });
}
