/**
 * Acknowledgements and nonces: rows 16 to 21 of the checklist in `multipath-spec.md` §8.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { writeNonce, writeNonceHalves } from "../../crypto/nonce.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { Trace } from "../kit/trace.ts";
import { Forged, framesIn, ROLES } from "./forged.ts";
import { Paths } from "./paths.ts";

const PING: Frame = { kind: "ping" };

/** The paths that ACK frames name in packets of one type; `undefined` for plain ones. */
function ackPaths(trace: Trace, isWanted: (type: string) => boolean): (number | undefined)[] {
  const sent = trace.frames("sent", "ack").filter(({ header }) => isWanted(header.type));
  return [...new Set(sent.map(({ frame }) => frame.path))].sort();
}

/** Two paths that carry data in both directions. */
function busy(): Paths {
  const load = new Requests(bulk("both", 500_000));
  const paths = new Paths({ clientApps: [load.client], serverApps: [load.server] }).ready();
  paths.world.require("the transfer", () => load.isDone);
  return paths;
}

Deno.test("row 16: Initial and Handshake packets are acknowledged by ACK alone", () => {
  const paths = busy();
  for (const trace of [paths.clientTrace, paths.serverTrace]) {
    assertEquals(ackPaths(trace, (type) => type === "initial"), [undefined]);
  }
  // The server's Handshake packets are acknowledged; it discards its keys before it would acknowledge the client's.
  assertEquals(ackPaths(paths.clientTrace, (type) => type === "handshake"), [undefined]);
});

Deno.test("row 17: after the handshake all 1-RTT packets are acknowledged by PATH_ACK, those of path 0 too", () => {
  const paths = busy();
  for (const trace of [paths.clientTrace, paths.serverTrace]) {
    assertEquals(ackPaths(trace, (type) => type === "one_rtt"), [0, 1]);
  }
});

for (const role of ROLES) {
  Deno.test(`row 18: the ${role} takes a plain ACK in a 1-RTT packet for path 0, on whatever path it comes`, () => {
    const f = new Forged(role);
    for (const on of [0, 1]) {
      const before = f.rogue.caught.length;
      f.victim.ping();
      f.world.runFor(0);
      const [ping] = framesIn(f.rogue.caught.slice(before), "ping");
      assertEquals(ping?.on, 0);
      const { number } = f.rogue.caught.findLast((packet) => packet.path === 0)!;
      const acks = f.trace.count("quic:packets_acked");
      f.send([{ kind: "ack", path: undefined, delay: 0, ranges: [number, number], ecn: undefined }], on);
      const [acked] = f.trace.filter("quic:packets_acked").slice(acks);
      assertEquals(acked?.data, { path: 0, level: "application", numbers: [number] });
    }
    assertEquals(f.victim.stats().paths.map((path) => path.inFlight), [0, 0]);
    f.assertWell();
  });

  Deno.test(`row 19: a plain ACK after the end of path 0 is ignored (${role})`, () => {
    const f = new Forged(role);
    f.send([{ kind: "path_abandon", path: 0, code: 0 }], 1);
    f.after(3 * f.pto + 1000);
    assertEquals(f.victim.stats().paths.map((path) => path.id), [1]);
    f.send([{ kind: "ack", path: undefined, delay: 0, ranges: [100_000, 0], ecn: undefined }], 1);
    f.send([{ kind: "retire_connection_id", path: undefined, sequence: 50 }], 1);
    f.assertWell();
  });

  Deno.test(`row 20: the nonce of a packet to the ${role} is made of the path id of its connection id`, () => {
    const f = new Forged(role, 3);
    for (const path of [0, 1, 2]) {
      for (const noncePath of [0, 1, 2, 0x100, 0x1_0000, 0x100_0000].filter((other) => other !== path)) {
        const failures = f.trace.count("quic:packet_dropped", (d) => d.reason === "decryption_failure");
        f.rogue.send({ frames: [PING], path, noncePath });
        assertEquals(f.trace.count("quic:packet_dropped", (d) => d.reason === "decryption_failure"), failures + 1);
      }
      const before = f.trace.count("quic:packet_received");
      f.rogue.send({ frames: [PING], path });
      const [received] = f.trace.filter("quic:packet_received").slice(before);
      assertEquals([received?.data.header.path, received?.data.frames[0]], [path, PING]);
    }
    f.assertWell();
  });

  Deno.test(`row 20: the ${role} has packet numbers of its own on each path, from 0, and so the same more than once`, () => {
    const paths = busy();
    const trace = role === "client" ? paths.clientTrace : paths.serverTrace;
    const sent = trace.filter("quic:packet_sent", ({ header }) => header.type === "one_rtt");
    const numbers = [0, 1].map((path) => sent.map(({ data }) => data.header).filter((h) => h.path === path));
    for (const headers of numbers) {
      assert(headers[0]!.number <= 1, `the first is ${headers[0]!.number}`);
      assertEquals(new Set(headers.map((h) => h.number)).size, headers.length);
    }
    const first = new Set(numbers[0]!.map((h) => h.number));
    assertGreater(numbers[1]!.filter((h) => first.has(h.number)).length, 10);
  });
}

Deno.test("row 20: nonces of RFC 10069 §2.4, with the largest path and number, and for a longer IV", () => {
  const iv = Uint8Array.fromHex("6b26114b9cba2b63a9e8dd4f");
  const nonce = (path: number, number: number, of = iv): string => {
    const into = new Uint8Array(of.length);
    writeNonce(into, of, path, number);
    return into.toHex();
  };
  assertEquals(nonce(3, 54321), "6b2611489cba2b63a9e8097e");
  assertEquals(nonce(3, 0xaead), "6b2611489cba2b63a9e873e2");
  assertEquals(nonce(1, 0), "6b26114a9cba2b63a9e8dd4f");
  const largest = new Uint8Array(12);
  writeNonceHalves(largest, iv, 0xffff_ffff, 0x3fff_ffff, 0xffff_ffff);
  assertEquals(largest.toHex(), "94d9eeb4a345d49c561722b0");
  assertEquals(nonce(3, 54321, Uint8Array.fromHex("aabb" + iv.toHex())), "aabb6b2611489cba2b63a9e8097e");
});

Deno.test("row 21: the nonce of path 0 is that of RFC 9001, so that keys go on through the end of the handshake", () => {
  const iv = Uint8Array.fromHex("6b26114b9cba2b63a9e8dd4f");
  const into = new Uint8Array(12);
  writeNonce(into, iv, 0, 54321);
  assertEquals(into.toHex(), "6b26114b9cba2b63a9e8097e");
  // The server's first 1-RTT packets leave before it knows whether there is multipath, and are opened by one that has it.
  const load = new Requests(bulk("both", 50_000));
  const paths = new Paths({ clientApps: [load.client], serverApps: [load.server], open: [] });
  paths.world.require("the transfer", () => load.isDone);
  for (const trace of [paths.clientTrace, paths.serverTrace]) {
    trace.assertNone("quic:packet_dropped", (d) => d.reason === "decryption_failure");
  }
});
