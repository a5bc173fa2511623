import { assert, assertEquals } from "@std/assert";
import type { TransportConfig } from "../../transport/connection/config.ts";
import { Pair } from "./pair.ts";
import { bulkPair, finish } from "./transfers.ts";

/** The first bytes of the datagrams with a short header that go by. */
function firstBytes(
  client: TransportConfig,
  server: TransportConfig,
): { readonly up: number[]; readonly down: number[] } {
  const seen: { readonly up: number[]; readonly down: number[] } = { up: [], down: [] };
  const transfer = bulkPair("both", 200_000, { client, server });
  transfer.pair.world.onSend = (_link, direction, data) => {
    if ((data[0]! & 0x80) === 0) seen[direction].push(data[0]!);
  };
  finish(transfer);
  return seen;
}

const FIXED_BIT = 0x40;
const SPIN_BIT = 0x20;

/** The share of packets without the fixed bit. */
function cleared(bytes: readonly number[]): number {
  return bytes.filter((byte) => (byte & FIXED_BIT) === 0).length / bytes.length;
}

Deno.test("Connection sets the fixed bit or not, unpredictably, for a peer that minds neither (RFC 9287 §3.1)", () => {
  const { up, down } = firstBytes({}, {});
  for (const bytes of [up, down]) {
    assert(cleared(bytes) > 0.35 && cleared(bytes) < 0.65, `${cleared(bytes)} are without it`);
    // No packet says what the next will be.
    const changes = bytes.filter((byte, i) => i > 0 && ((byte ^ bytes[i - 1]!) & FIXED_BIT) !== 0).length;
    assert(changes > 0.35 * bytes.length && changes < 0.65 * bytes.length, `${changes} changes in ${bytes.length}`);
  }
});

Deno.test("Connection keeps the fixed bit for a peer that has not offered to do without", () => {
  const { up, down } = firstBytes({ grease: false }, {});
  assertEquals([cleared(up), cleared(down)], [0, 0]);
});

Deno.test("Connection never sets the spin bit", () => {
  const { up, down } = firstBytes({}, {});
  // It is not under header protection.
  assertEquals([...up, ...down].filter((byte) => (byte & SPIN_BIT) !== 0), []);
});

Deno.test("Connection sends a reserved transport parameter, and minds none", () => {
  const pair = new Pair().confirm();
  for (const trace of [pair.clientTrace, pair.serverTrace]) {
    const { parameters } = trace.first("quic:parameters_set", (data) => data.owner === "remote")!.data;
    const unknown = [...(parameters["unknown"] as Map<number, Uint8Array>).keys()];
    const reserved = unknown.filter((id) => id % 31 === 27);
    assertEquals(reserved.length, 1, `unknown parameters: ${unknown.join(", ")}`);
  }
  const plain = new Pair({ client: { grease: false }, server: { grease: false } }).confirm();
  const { parameters } = plain.clientTrace.first("quic:parameters_set", (data) => data.owner === "remote")!.data;
  assertEquals([...(parameters["unknown"] as Map<number, Uint8Array>).keys()].filter((id) => id % 31 === 27), []);
});

Deno.test("Connection greases with other numbers each time", () => {
  const ids = new Set<number>();
  for (let seed = 1; seed <= 8; seed++) {
    const pair = new Pair({ seed }).confirm();
    const { parameters } = pair.serverTrace.first("quic:parameters_set", (data) => data.owner === "remote")!.data;
    for (const id of (parameters["unknown"] as Map<number, Uint8Array>).keys()) if (id % 31 === 27) ids.add(id);
  }
  assert(ids.size >= 7, `${ids.size} numbers`);
});
