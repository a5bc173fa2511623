/**
 * Frames of RFC 10069 in general: rows 94 to 100, 128 and 132 of the checklist in `multipath-spec.md` §8.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { TransportErrorCode } from "../../transport/base/errors.ts";
import { frameSize, readFrame, writeFrame } from "../../transport/wire/frames/mod.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { Reader } from "../../transport/wire/reader.ts";
import { Writer } from "../../transport/wire/writer.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Pair } from "../connection/pair.ts";
import { Rogue } from "../connection/rogue.ts";
import { Forged, framesIn, ROLES } from "./forged.ts";
import { Paths } from "./paths.ts";

const { PROTOCOL_VIOLATION, FRAME_ENCODING_ERROR } = TransportErrorCode;
const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const TOKEN = new Uint8Array(16).fill(9);
/** `maxPaths` is 4 by default: ids 0 to 3. */
const LIMIT = 3;

/** One frame of each wire type that names a path id. */
function framesOf(path: number): Record<string, Frame> {
  const ranges = [1, 1];
  return {
    path_ack: { kind: "ack", path, delay: 0, ranges, ecn: undefined },
    path_ack_ecn: { kind: "ack", path, delay: 0, ranges, ecn: { ect0: 0, ect1: 0, ce: 0 } },
    path_abandon: { kind: "path_abandon", path, code: 0 },
    path_status_backup: { kind: "path_status", path, sequence: 50, status: "backup" },
    path_status_available: { kind: "path_status", path, sequence: 51, status: "available" },
    path_new_connection_id: {
      kind: "new_connection_id",
      path,
      sequence: 5,
      retirePriorTo: 0,
      connectionId: ID,
      resetToken: TOKEN,
    },
    path_retire_connection_id: { kind: "retire_connection_id", path, sequence: 0 },
    path_cids_blocked: { kind: "path_cids_blocked", path, nextSequence: 1 },
  };
}

/** One frame of each of the ten types of the extension. */
const ALL: Record<string, Frame> = {
  ...framesOf(0),
  max_path_id: { kind: "max_path_id", limit: LIMIT },
  paths_blocked: { kind: "paths_blocked", limit: LIMIT },
};

Deno.test("row 94: frames of the extension are sent in 1-RTT packets alone", () => {
  const multipath = new Set(["path_abandon", "path_status", "max_path_id", "paths_blocked", "path_cids_blocked"]);
  const links = [{ delayMs: 10, rateMbps: 20, lossPercent: 10 }, { delayMs: 25, rateMbps: 20, lossPercent: 10 }];
  for (let seed = 1; seed <= 5; seed++) {
    const load = new Requests(bulk("both", 50_000));
    const paths = new Paths({ seed, links, clientApps: [load.client], serverApps: [load.server] }).ready();
    paths.client.setPathStatus(1, "backup", paths.world.now);
    paths.world.require("the transfer", () => load.isDone);
    paths.client.closePath(1, 0, "done", paths.world.now);
    paths.world.runFor(3000);
    const seen = new Set<string>();
    for (const trace of [paths.clientTrace, paths.serverTrace]) {
      for (const { data } of trace.filter("quic:packet_sent")) {
        for (const frame of data.frames) {
          const extended = multipath.has(frame.kind) || ("path" in frame && frame.path !== undefined);
          if (!extended) continue;
          seen.add(frame.kind);
          assertEquals(data.header.type, "one_rtt", frame.kind);
        }
      }
    }
    for (const kind of ["ack", "new_connection_id", "path_abandon", "path_status"]) assert(seen.has(kind), kind);
  }
});

for (const role of ROLES) {
  for (const level of ["initial", "handshake"] as const) {
    for (const [name, frame] of Object.entries(ALL)) {
      Deno.test(`row 95: the ${role} refuses ${name} in ${level} packets`, () => {
        const pair = new Pair();
        const wait = role === "client" && level === "handshake" ? 32 : role === "client" ? 20 : 16;
        pair.world.runFor(wait);
        const rogue = new Rogue(pair, role === "client" ? "server" : "client").takeOver();
        rogue.send({ level, frames: [frame] });
        pair.world.runFor(1);
        assertEquals(rogue.victim.error?.code, PROTOCOL_VIOLATION);
      });
    }
  }

  for (const name of Object.keys(framesOf(0))) {
    Deno.test(`row 96: the ${role} takes ${name} up to the limit that it announced, and not above`, () => {
      const good = new Forged(role);
      good.send([framesOf(LIMIT)[name]!]);
      // At the limit there is a path id; that nothing was sent on it, which can be acknowledged, is another matter.
      if (name.startsWith("path_ack")) good.assertClosed(PROTOCOL_VIOLATION);
      else good.assertWell();
      const bad = new Forged(role);
      bad.send([framesOf(LIMIT + 1)[name]!]);
      bad.assertClosed(PROTOCOL_VIOLATION);
      const huge = new Forged(role);
      huge.send([framesOf(2 ** 40)[name]!]);
      huge.assertClosed(PROTOCOL_VIOLATION);
    });

    Deno.test(`row 97: the ${role} ignores ${name} of a path that is over`, () => {
      const f = new Forged(role);
      const { pto } = f;
      f.send([{ kind: "path_abandon", path: 1, code: 0 }]);
      const frames = framesOf(1);
      const wait = [0, 1 * pto, 3 * pto];
      for (const time of wait) {
        f.acknowledging([0], time);
        f.send([frames[name]!]);
        f.assertWell(`${time} ms later`);
      }
      assertEquals(f.victim.stats().paths.map((p) => p.id), [0]);
      // An id that was abandoned without ever having been a path is no different.
      f.send([{ kind: "path_abandon", path: 2, code: 0 }]);
      for (const time of wait) {
        f.acknowledging([0], time);
        f.send([framesOf(2)[name]!]);
        f.assertWell(`${time} ms later, path 2`);
      }
      assertEquals(f.events.filter((e) => e.path.id === 2 && e.change !== "closed"), []);
    });
  }

  Deno.test(`row 99: the ${role} refuses PATH_ACK whose ranges go below 0, or which acknowledges what was never sent`, () => {
    for (const type of [0x3e, 0x3f]) {
      const ecn = type === 0x3f ? [0, 0, 0] : [];
      const below = [
        [type, 1, 0, 0, 0, 1, ...ecn],
        [type, 1, 3, 0, 1, 1, 1, 0, ...ecn],
        [type, 1, 5, 0, 1, 1, 0, 3, ...ecn],
      ];
      for (const bytes of below) {
        const f = new Forged(role);
        f.send([Uint8Array.from(bytes)]);
        f.assertClosed(FRAME_ENCODING_ERROR, bytes.join());
      }
      for (const path of [0, 1]) {
        const f = new Forged(role);
        f.send([Uint8Array.of(type, path, 0x7f, 0xff, 0, 0, 0, ...ecn)]);
        f.assertClosed(PROTOCOL_VIOLATION);
      }
    }
    const never = new Forged(role);
    never.send([{ kind: "ack", path: 2, delay: 0, ranges: [0, 0], ecn: undefined }]);
    never.assertClosed(PROTOCOL_VIOLATION, "a path on which nothing was ever sent");
  });

  for (const [name, frame] of Object.entries(ALL)) {
    const isAck = frame.kind === "ack";
    Deno.test(`row 100: the ${role} acknowledges a packet with ${name}: ${isAck ? "no" : "yes"}`, () => {
      const f = new Forged(role);
      // What the victim has sent on its own is settled, so that only an acknowledgement makes it speak.
      f.victim.ping();
      f.after(100);
      f.acknowledging([0, 1], 200);
      f.after(1000);
      const sample: Record<string, Frame> = {
        ...framesOf(1),
        ...(isAck ? { [name]: { ...frame, path: 0 } as Frame } : {}),
        max_path_id: ALL["max_path_id"]!,
        paths_blocked: ALL["paths_blocked"]!,
        path_abandon: { kind: "path_abandon", path: 2, code: 0 },
        path_retire_connection_id: { kind: "retire_connection_id", path: 2, sequence: 0 },
        path_new_connection_id: framesOf(3)["path_new_connection_id"]!,
      };
      const before = f.rogue.caught.length;
      f.send([sample[name]!], 0);
      const number = f.trace.filter("quic:packet_received").at(-1)!.data.header.number;
      const answers = [...f.rogue.caught.slice(before), ...f.after(100)];
      const acked = framesIn(answers, "ack").filter((a) => a.frame.path === 0 && a.frame.ranges[0]! >= number);
      assertEquals(acked.length > 0, !isAck);
      f.assertWell();
    });
  }

  Deno.test(`row 128: the ${role} takes any frame on any path`, () => {
    const client = role === "server";
    const id = client ? 0 : 1;
    const frames: Frame[] = [
      { kind: "ack", path: 0, delay: 0, ranges: [1, 1], ecn: undefined },
      { kind: "ack", path: 1, delay: 0, ranges: [0, 0], ecn: undefined },
      { kind: "stream", streamId: id, offset: 0, data: ID, fin: false },
      { kind: "stream_data_blocked", streamId: id, limit: 8 },
      { kind: "data_blocked", limit: 8 },
      { kind: "streams_blocked", bidirectional: true, limit: 100 },
      { kind: "max_data", limit: 2 ** 30 },
      { kind: "max_streams", bidirectional: true, limit: 200 },
      { kind: "max_stream_data", streamId: id, limit: 2 ** 29 },
      { kind: "stop_sending", streamId: id, code: 3 },
      { kind: "reset_stream", streamId: id, code: 3, finalSize: 8 },
      { kind: "datagram", data: ID },
      { kind: "path_status", path: 0, sequence: 7, status: "backup" },
      { kind: "path_status", path: 1, sequence: 7, status: "available" },
      { kind: "max_path_id", limit: 9 },
      { kind: "paths_blocked", limit: LIMIT },
      { kind: "path_cids_blocked", path: 0, nextSequence: 1 },
      { kind: "retire_connection_id", path: 2, sequence: 0 },
      { kind: "path_abandon", path: 3, code: 0 },
      { kind: "path_challenge", data: ID },
      ...(client ? [] : [{ kind: "new_token", token: ID } as Frame]),
    ];
    for (const on of [0, 1]) {
      const f = new Forged(role);
      for (const frame of frames) {
        f.send([frame], on);
        f.assertWell(`${frame.kind} on path ${on}`);
      }
      assertEquals(f.events.filter((e) => e.change === "status").map((e) => [e.path.id, e.path.peerStatus]), [
        [0, "backup"],
      ]);
      // The answer to a challenge is the exception: it goes on the path of the challenge.
      const answered = f.rogue.caught.filter((p) => p.frames.some((g) => g.kind === "path_response"));
      assertEquals(answered.map((p) => p.path), [on]);
      f.send([{ kind: "path_abandon", path: 1 - on, code: 0 }], on);
      f.assertWell();
      f.send([{ kind: "connection_close", application: true, code: 5, frameType: 0, reason: "" }], on);
      assertEquals([f.victim.state, f.victim.error?.code], ["draining", 5]);
    }
  });
}

Deno.test("row 128: what is sent goes on any path, PATH_ACK and control frames among it", () => {
  for (const closed of [undefined, 0]) {
    const load = new Requests(bulk("both", 2_000_000));
    const links = [{ delayMs: 20, rateMbps: 10 }, { delayMs: 20, rateMbps: 10 }];
    const paths = new Paths({ links, clientApps: [load.client], serverApps: [load.server] }).ready();
    if (closed !== undefined) paths.client.closePath(closed, 0, "not needed", paths.world.now);
    const start = paths.world.now + 200;
    paths.world.require("the transfer", () => load.isDone);
    for (const trace of [paths.clientTrace, paths.serverTrace]) {
      const sent = trace.filter("quic:packet_sent", (_, now) => now > start).flatMap(({ data }) =>
        data.frames.map((frame) => ({ kind: frame.kind, on: data.header.path }))
      );
      const on = (kind: string): number[] => [...new Set(sent.filter((s) => s.kind === kind).map((s) => s.on))].sort();
      for (const kind of ["stream", "ack"]) assertEquals(on(kind), closed === 0 ? [1] : [0, 1], kind);
      if (closed === 0) { for (const kind of ["max_data", "max_stream_data"]) assertEquals(on(kind), [1], kind); }
    }
  }
});

/** From the layouts of RFC 10069 §4, by hand. */
const GOLDEN: readonly (readonly [string, Frame])[] = [
  ["3e 01 05 0a 00 02", { kind: "ack", path: 1, delay: 10, ranges: [5, 3], ecn: undefined }],
  ["3e 00 09 00 01 01 02 03", { kind: "ack", path: 0, delay: 0, ranges: [9, 8, 4, 1], ecn: undefined }],
  ["3f 02 05 0a 00 05 01 02 03", {
    kind: "ack",
    path: 2,
    delay: 10,
    ranges: [5, 0],
    ecn: { ect0: 1, ect1: 2, ce: 3 },
  }],
  ["7e75 01 00", { kind: "path_abandon", path: 1, code: TransportErrorCode.NO_ERROR }],
  ["7e75 01 3e", { kind: "path_abandon", path: 1, code: TransportErrorCode.APPLICATION_ABANDON_PATH }],
  ["7e75 02 7e75", { kind: "path_abandon", path: 2, code: TransportErrorCode.PATH_RESOURCE_LIMIT_REACHED }],
  ["7e75 02 7e76", { kind: "path_abandon", path: 2, code: TransportErrorCode.PATH_UNSTABLE_OR_POOR }],
  ["7e75 02 7e77", { kind: "path_abandon", path: 2, code: TransportErrorCode.NO_CID_AVAILABLE_FOR_PATH }],
  ["7e75 bfffffff c00000ffffffffff", { kind: "path_abandon", path: 0x3fffffff, code: 0xffffffffff }],
  ["7e76 01 04", { kind: "path_status", path: 1, sequence: 4, status: "backup" }],
  ["7e77 01 05", { kind: "path_status", path: 1, sequence: 5, status: "available" }],
  ["7e78 01 02 01 08 0102030405060708 09090909090909090909090909090909", {
    kind: "new_connection_id",
    path: 1,
    sequence: 2,
    retirePriorTo: 1,
    connectionId: ID,
    resetToken: TOKEN,
  }],
  ["7e79 01 02", { kind: "retire_connection_id", path: 1, sequence: 2 }],
  ["7e7a 4064", { kind: "max_path_id", limit: 100 }],
  ["7e7b 03", { kind: "paths_blocked", limit: 3 }],
  ["7e7c 03 01", { kind: "path_cids_blocked", path: 3, nextSequence: 1 }],
];

Deno.test("row 132: every type of the extension has its bytes, both ways", () => {
  assertEquals(
    [
      TransportErrorCode.NO_ERROR,
      TransportErrorCode.APPLICATION_ABANDON_PATH,
      TransportErrorCode.PATH_RESOURCE_LIMIT_REACHED,
      TransportErrorCode.PATH_UNSTABLE_OR_POOR,
      TransportErrorCode.NO_CID_AVAILABLE_FOR_PATH,
    ],
    [0, 0x3e, 0x3e75, 0x3e76, 0x3e77],
  );
  const types = new Set<string>();
  for (const [hex, frame] of GOLDEN) {
    const bytes = Uint8Array.fromHex(hex.replaceAll(" ", ""));
    types.add(hex.split(" ")[0]!);
    const written = new Uint8Array(frameSize(frame));
    writeFrame(new Writer(written), frame);
    assertEquals(written.toHex(), bytes.toHex());
    assertEquals(readFrame(new Reader(bytes)), frame);
  }
  assertEquals(types.size, 10);
});
