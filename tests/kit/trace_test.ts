import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { Trace } from "./trace.ts";

const ADDRESSES = { local: { hostname: "a", port: 1 }, remote: { hostname: "b", port: 2 }, ecn: "not-ect" } as const;

function sent(trace: Trace, number: number, frames: Frame[], now: number): void {
  const header = { type: "one_rtt", number, path: 0 } as const;
  trace.on("quic:packet_sent", { header, size: 100, frames, probe: false, ...ADDRESSES }, now);
}

Deno.test("Trace keeps copies, so that buffers may be used again", () => {
  const trace = new Trace();
  const bytes = new Uint8Array([1, 2, 3]);
  const frames: Frame[] = [{ kind: "path_challenge", data: bytes }];
  sent(trace, 1, frames, 5);
  bytes.fill(0);
  frames.length = 0;
  const [found] = trace.frames("sent", "path_challenge");
  assertEquals([...(found?.frame.data ?? [])], [1, 2, 3]);
  assertEquals([found?.header.number, found?.now], [1, 5]);
});

Deno.test("Trace leaves long payloads out, except their length, unless told to keep them", () => {
  const data = new Uint8Array(1000).fill(7);
  const frame: Frame = { kind: "stream", streamId: 4, offset: 0, data, fin: true };
  for (const payloads of [false, true]) {
    const trace = new Trace({ payloads });
    sent(trace, 1, [frame], 0);
    const kept = trace.frames("sent", "stream")[0]?.frame.data;
    assertEquals([kept?.length, kept?.[0]], [1000, payloads ? 7 : 0]);
  }
});

Deno.test("Trace answers by name and condition", () => {
  const trace = new Trace();
  for (let number = 0; number < 5; number++) sent(trace, number, [{ kind: "ping" }], number * 10);
  trace.on("quic:packet_dropped", { reason: "duplicate", size: 50 }, 60);
  assertEquals(trace.count("quic:packet_sent"), 5);
  assertEquals(trace.count("quic:packet_sent", (_, now) => now >= 20), 3);
  assertEquals(trace.first("quic:packet_sent", (data) => data.header.number > 1)?.now, 20);
  assertEquals(trace.last("quic:packet_sent")?.data.header.number, 4);
  assertEquals(trace.last("quic:packet_lost"), undefined);
  assertEquals(trace.frames("sent", "ping").length, 5);
  assertEquals(trace.frames("received", "ping").length, 0);
  trace.clear();
  assertEquals(trace.entries.length, 0);
});

Deno.test("Trace's assertions say what is missing, and what came before", () => {
  const trace = new Trace();
  sent(trace, 3, [{ kind: "ping" }], 12.5);
  trace.on("quic:packet_dropped", { reason: "duplicate", size: 50 }, 60);
  trace.assertDropped("duplicate");
  trace.assertCount("quic:packet_sent", 1);
  trace.assertNone("quic:packet_lost");
  assertEquals(trace.assertSeen("quic:packet_sent").now, 12.5);
  const missing = assertThrows(() => trace.assertDropped("decryption_failure"), Error, "quic:packet_dropped is not in");
  assertStringIncludes(missing.message, '60.000 quic:packet_dropped {"reason":"duplicate","size":50}');
  assertThrows(() => trace.assertNone("quic:packet_sent"), Error, "expected none");
  assertThrows(() => trace.assertCount("quic:packet_sent", 2), Error, "is 1 times in the trace: expected 2");
});

Deno.test("Trace keeps only the names that it was asked for, and a bounded number", () => {
  const trace = new Trace({ names: ["quic:packet_dropped"], limit: 10 });
  sent(trace, 1, [], 0);
  assertEquals(trace.entries.length, 0);
  for (let size = 0; size < 100; size++) trace.on("quic:packet_dropped", { reason: "duplicate", size }, size);
  assert(trace.entries.length <= 10);
  assertEquals(trace.last("quic:packet_dropped")?.data.size, 99);
});
