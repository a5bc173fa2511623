import { assert, assertEquals } from "@std/assert";
import { FRAMES, isAckEliciting, isAllowedIn, isCounted, isProbing, LEVEL_BIT } from "./frame_table.ts";

/**
 * The columns of RFC 9000 §12.4, table 3, with §12.5 for RETIRE_CONNECTION_ID and RFC 9002 §3 for CONNECTION_CLOSE; then
 * multipath, then hints.
 */
const EXPECTED: Record<number, string> = {
  0x00: "IH01 NP",
  0x01: "IH01",
  0x02: "IH_1 NC",
  0x03: "IH_1 NC",
  0x04: "__01",
  0x05: "__01",
  0x06: "IH_1",
  0x07: "___1",
  0x08: "__01",
  0x09: "__01",
  0x0a: "__01",
  0x0b: "__01",
  0x0c: "__01",
  0x0d: "__01",
  0x0e: "__01",
  0x0f: "__01",
  0x10: "__01",
  0x11: "__01",
  0x12: "__01",
  0x13: "__01",
  0x14: "__01",
  0x15: "__01",
  0x16: "__01",
  0x17: "__01",
  0x18: "__01 P",
  0x19: "___1",
  0x1a: "__01 P",
  0x1b: "___1 P",
  0x1c: "IH01 NC",
  0x1d: "__01 NC",
  0x1e: "___1",
  0x30: "__01",
  0x31: "__01",
  0x3e: "___1 NC M",
  0x3f: "___1 NC M",
  0x3e75: "___1 M",
  0x3e76: "___1 M",
  0x3e77: "___1 M",
  0x3e78: "___1 P M",
  0x3e79: "___1 M",
  0x3e7a: "___1 M",
  0x3e7b: "___1 M",
  0x3e7c: "___1 M",
  0x35bb50e0: "___1 H",
  0x35bb50e1: "___1 H",
  0x35bb50e2: "___1 H",
  0x35bb50e3: "___1 H",
  0x35bb50e4: "___1 H",
};

Deno.test("FRAMES says of each type what the specifications say", () => {
  const actual: Record<number, string> = {};
  for (const [type, spec] of FRAMES) {
    const levels = (["initial", "handshake", "zero_rtt", "one_rtt"] as const)
      .map((level, i) => isAllowedIn(spec, level) ? "IH01"[i] : "_").join("");
    const marks = `${spec.ackEliciting ? "" : "N"}${spec.counted ? "" : "C"}${spec.probing ? "P" : ""}`;
    const extension = `${spec.multipath ? "M" : ""}${spec.hints ? "H" : ""}`;
    actual[type] = [levels, marks, extension].filter((part) => part !== "").join(" ");
    assertEquals(spec.type, type);
  }
  assertEquals(actual, EXPECTED);
});

Deno.test("FRAMES allows multipath frames in 1-RTT packets only (RFC 10069 §4)", () => {
  const multipath = [...FRAMES.values()].filter((spec) => spec.multipath);
  assertEquals(multipath.map((spec) => spec.name), [
    "path_ack",
    "path_ack",
    "path_abandon",
    "path_status_backup",
    "path_status_available",
    "path_new_connection_id",
    "path_retire_connection_id",
    "max_path_id",
    "paths_blocked",
    "path_cids_blocked",
  ]);
  for (const spec of multipath) assertEquals(spec.levels, LEVEL_BIT.one_rtt);
});

Deno.test("isAckEliciting(), isProbing() and isCounted() hold for every type of the kind", () => {
  for (const spec of FRAMES.values()) {
    assertEquals(isAckEliciting(spec.kind), spec.ackEliciting, spec.name);
    assertEquals(isProbing(spec.kind), spec.probing, spec.name);
    assertEquals(isCounted(spec.kind), spec.counted, spec.name);
  }
});

Deno.test("isAllowedIn() takes packet types and encryption levels for the same", () => {
  for (const spec of FRAMES.values()) {
    assertEquals(isAllowedIn(spec, "early"), isAllowedIn(spec, "zero_rtt"));
    assertEquals(isAllowedIn(spec, "application"), isAllowedIn(spec, "one_rtt"));
    assert(isAllowedIn(spec, "application"));
  }
});
