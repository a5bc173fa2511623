/** What a client that is up to no good can do with hints: nothing that lasts. */
import { assert, assertEquals } from "@std/assert";
import { TransportError, TransportErrorCode } from "../../transport/base/errors.ts";
import type { TransportConfig } from "../../transport/connection/config.ts";
import { MAX_SIGNALS } from "../../transport/paths/hints.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { Pair } from "../connection/pair.ts";
import { Recorder } from "../connection/recorder.ts";
import { Rogue } from "../connection/rogue.ts";

const DATA = Uint8Array.of(1, 2, 3);

function signal(name: string, sequence: number, value = sequence): Frame {
  return { kind: "hint_signal", name, sequence, value };
}

function pathHint(path: number, sequence: number, label: string): Frame {
  return { kind: "hint_path", path, sequence, cost: 1, metered: true, label };
}

function mode(sequence: number, name: string): Frame {
  return { kind: "hint_mode", sequence, mode: name };
}

function numbered(number: number): Frame {
  return { kind: "datagram_numbered", number, data: DATA };
}

interface Setup {
  readonly rogue: Rogue;
  /** The victim's application. */
  readonly app: Recorder;
}

function setup(role: "client" | "server" = "client", config: TransportConfig = {}): Setup {
  const app = new Recorder();
  const apps = role === "client" ? { serverApps: [app] } : { clientApps: [app] };
  const pair = new Pair({ client: config, server: config, ...apps }).confirm();
  pair.world.runFor(200);
  return { rogue: new Rogue(pair, role).takeOver(), app };
}

function assertClosed(rogue: Rogue, code: number, message: string): void {
  const { error } = rogue.victim;
  assert(error instanceof TransportError, String(error));
  assertEquals(error.code, code, error.message);
  assert(error.message.includes(message), error.message);
}

Deno.test("Hints that were not negotiated are a PROTOCOL_VIOLATION", () => {
  for (const frame of [signal("a", 0), pathHint(0, 0, "a"), mode(0, "handover"), numbered(0)]) {
    const { rogue } = setup("client", { hints: false });
    rogue.send({ frames: [frame] });
    assertClosed(rogue, TransportErrorCode.PROTOCOL_VIOLATION, `${frame.kind} came although the hints extension`);
  }
});

Deno.test("Hints from a server are a PROTOCOL_VIOLATION, its numbered datagrams are not", () => {
  for (const frame of [signal("a", 0), pathHint(0, 0, "a"), mode(0, "handover")]) {
    const { rogue } = setup("server");
    rogue.send({ frames: [frame] });
    assertClosed(rogue, TransportErrorCode.PROTOCOL_VIOLATION, "came from a server, only clients send it");
  }
  const { rogue, app } = setup("server");
  for (const number of [0, 1, 0, 1, 5000, 4, 4]) rogue.send({ frames: [numbered(number)] });
  assertEquals(rogue.victim.state, "connected");
  assertEquals(app.of("datagram").length, 4);
});

Deno.test("Hints in packets of the handshake are a PROTOCOL_VIOLATION", () => {
  const pair = new Pair();
  pair.world.runFor(20);
  const rogue = new Rogue(pair, "client").takeOver();
  rogue.send({ level: "initial", frames: [signal("a", 0)] });
  assertClosed(rogue, TransportErrorCode.PROTOCOL_VIOLATION, "where it is not allowed");
});

Deno.test("Malformed hints are a FRAME_ENCODING_ERROR", () => {
  for (const bytes of ["b5bb50e0" + "00" + "00" + "00".repeat(8), "b5bb50e0" + "01" + "1b" + "00" + "00".repeat(8)]) {
    const { rogue } = setup();
    rogue.send({ frames: [Uint8Array.fromHex(bytes)] });
    assertClosed(rogue, TransportErrorCode.FRAME_ENCODING_ERROR, "Signal name has");
  }
});

Deno.test("Signals of more than 16 names are passed over, and older values too", () => {
  const { rogue, app } = setup();
  for (let i = 0; i < 2000; i += 50) {
    rogue.send({ frames: Array.from({ length: 50 }, (_, n) => signal(`name ${i + n}`, i + n)) });
  }
  const known = (n: number) => rogue.victim.signalOf(`name ${n}`);
  assertEquals([known(0), known(MAX_SIGNALS - 1), known(MAX_SIGNALS), known(1999)], [0, 15, undefined, undefined]);
  assertEquals(app.of("signal").length, MAX_SIGNALS);
  rogue.send({ frames: [signal("name 3", 5000, 7), signal("name 3", 4999, 8), signal("name 3", 5000, 9)] });
  assertEquals(known(3), 7);
  // The application of the victim has room for its own.
  for (let i = 0; i < MAX_SIGNALS; i++) rogue.victim.signal(`own ${i}`, i, 0);
  assertEquals(rogue.victim.signalOf("own 15"), 15);
  assertEquals(rogue.victim.state, "connected");
});

Deno.test("A flood of hints is one event each that is not taken", () => {
  const { rogue, app } = setup();
  const labels = Array.from({ length: 40 }, (_, i) => pathHint(0, i, `label ${i}`));
  const modes = Array.from({ length: 20 }, (_, i) => mode(i, i % 2 === 0 ? "handover" : "redundant"));
  const values = Array.from({ length: 40 }, (_, i) => signal("a", i));
  const before = app.events.length;
  rogue.send({ frames: [...labels, ...modes, ...values] });
  assertEquals(app.events.slice(before).map((event) => event.type).toSorted(), ["mode_requested", "path", "signal"]);
  assertEquals(app.of("signal").at(-1)?.value, 39);
  assertEquals(app.of("mode_requested").at(-1)?.name, "redundant");
  assertEquals(app.of("path").at(-1)?.path.label, "label 39");
});

Deno.test("Hints of paths above the limit are a PROTOCOL_VIOLATION, of paths to come they are kept", () => {
  const { rogue, app } = setup();
  const before = app.events.length;
  for (let i = 0; i < 500; i++) rogue.send({ frames: [pathHint(1 + i % 3, i, `label ${i}`)] });
  assertEquals([rogue.victim.state, app.events.length], ["connected", before]);
  rogue.send({ frames: [pathHint(4, 0, "a")] });
  assertClosed(rogue, TransportErrorCode.PROTOCOL_VIOLATION, "Path id 4 is above the announced limit 3");
});

Deno.test("Hints of a path that is abandoned are passed over", () => {
  const { rogue } = setup();
  rogue.send({ frames: [{ kind: "path_abandon", path: 2, code: 0 }] });
  rogue.send({ frames: [pathHint(2, 0, "late")] });
  assertEquals(rogue.victim.state, "connected");
});

Deno.test("Modes that are not accepted change nothing, and late requests neither", () => {
  const { rogue, app } = setup();
  for (const frame of [mode(5, "handover"), mode(4, "redundant"), mode(6, "nonsense"), mode(6, "redundant")]) {
    rogue.send({ frames: [frame] });
  }
  assertEquals(app.of("mode_requested").map((e) => e.name), ["handover"]);
  assertEquals(rogue.victim.requestedMode, "handover");
});

Deno.test("Numbered datagrams are delivered once, on whichever path and however often they come", () => {
  const { rogue, app } = setup();
  for (let i = 0; i < 3; i++) {
    for (let from = 0; from < 200; from += 50) {
      rogue.send({ frames: Array.from({ length: 50 }, (_, n) => numbered(from + n)) });
    }
  }
  assertEquals(app.of("datagram").length, 200);
  rogue.send({ frames: [{ kind: "datagram", data: DATA }, { kind: "datagram", data: DATA }] });
  assertEquals(app.of("datagram").length, 202);
});
