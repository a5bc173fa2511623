/** A client asks the server for the mode of what it downloads, stream by stream. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { TransportError, TransportErrorCode } from "../../transport/base/errors.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { HintStreamModeFrame } from "../../transport/wire/frames/types.ts";
import { HINTS_VERSION, STREAM_MODES_VERSION } from "../../transport/wire/hints_codepoints.ts";
import { Recorder } from "../connection/recorder.ts";
import { Rogue } from "../connection/rogue.ts";
import { Pair } from "../connection/pair.ts";
import { bytesByPath } from "./mixed.ts";
import { ForgedHello } from "./forged_hello.ts";
import { Paths, type PathsOptions } from "./paths.ts";

/** Two paths, whose server takes the modes that it is asked for. */
function asking(options: PathsOptions = {}): { readonly paths: Paths; readonly server: Recorder } {
  const server = new Recorder();
  server.onArrival = (event, connection) => {
    if (event.type === "stream_mode_requested") connection.setStreamMode(event.id, event.name);
  };
  return { paths: new Paths({ ...options, serverApps: [server] }).ready(), server };
}

/** A stream of the client's, of which the server has heard once this is over. */
function opened(paths: Paths, ask?: (id: number) => void): number {
  const id = paths.client.openStream("bidirectional")!;
  ask?.(id);
  paths.client.write(id, Uint8Array.of(1));
  paths.world.runFor(100);
  return id;
}

function named(connection: Connection): string[] {
  return connection.stats().streamSchedulers.map(({ name }) => name);
}

Deno.test("Connection.requestStreamMode() reaches the server with the first data, for that stream alone", () => {
  const { paths, server } = asking({ server: { mode: "min-rtt" } });
  const { client, world } = paths;
  const twice = opened(paths, (id) => client.requestStreamMode(id, "redundant"));
  const plain = opened(paths);
  const order = server.events.map(({ type }) => type).filter((type) => type.startsWith("stream_"));
  assertEquals(order.slice(0, 3), ["stream_opened", "stream_readable", "stream_mode_requested"]);
  assertEquals(server.of("stream_mode_requested"), [{ type: "stream_mode_requested", id: twice, name: "redundant" }]);
  for (const id of [twice, plain]) {
    for (let i = 0; i < 10; i++) {
      paths.server.write(id, new Uint8Array(500));
      world.runFor(30);
    }
  }
  const bytes = [twice, plain].map((id) => bytesByPath(paths.serverTrace, id));
  assertEquals(bytes, [{ 0: 5000, 1: 5000 }, { 0: 5000 }]);
});

Deno.test("Connection.requestStreamMode() can be changed, and taken back; the newest counts whatever is lost", () => {
  const links = [{ delayMs: 10, lossPercent: 20 }, { delayMs: 15, lossPercent: 20 }];
  for (let seed = 1; seed <= 5; seed++) {
    const { paths, server } = asking({ links, seed, server: { mode: "min-rtt" } });
    const id = opened(paths);
    for (const mode of ["redundant", "handover", "interactive", undefined, "redundant", undefined]) {
      paths.client.requestStreamMode(id, mode);
      paths.world.runFor(20);
    }
    paths.world.runFor(3000);
    assertEquals(server.of("stream_mode_requested").at(-1)?.name, undefined);
    paths.client.requestStreamMode(id, "handover");
    paths.world.runFor(3000);
    assertEquals(server.of("stream_mode_requested").at(-1)?.name, "handover");
    assertEquals(named(paths.server).includes("handover"), true);
  }
});

Deno.test("Connection.requestStreamMode() asks for what the server accepts, or changes nothing", () => {
  const { paths, server } = asking({ server: { acceptModes: ["redundant"] } });
  const id = opened(paths);
  for (const mode of ["handover", "redundant", "mine"]) {
    paths.client.requestStreamMode(id, mode);
    paths.world.runFor(100);
  }
  assertEquals(server.of("stream_mode_requested").map(({ name }) => name), ["redundant"]);
  assertThrows(() => paths.server.requestStreamMode(id, "redundant"), TypeError, "only clients do");
  assertThrows(() => paths.client.requestStreamMode(id, ""), TypeError, "is not 1 to 32 bytes of text");
  assertThrows(() => paths.client.requestStreamMode(400, "redundant"), RangeError, "Stream 400 was never opened");
  const sending = paths.client.openStream("unidirectional")!;
  assertThrows(() => paths.client.requestStreamMode(sending, "redundant"), RangeError, "is for sending only");
});

Deno.test("Connection.requestStreamMode() works for streams that the server opened", () => {
  const { paths, server } = asking();
  const id = paths.server.openStream("unidirectional")!;
  paths.server.write(id, new Uint8Array(100));
  paths.world.runFor(100);
  paths.client.requestStreamMode(id, "interactive");
  paths.world.runFor(100);
  assertEquals(server.of("stream_mode_requested"), [{ type: "stream_mode_requested", id, name: "interactive" }]);
});

Deno.test("Nothing is asked without the hints extension, nor of a server that has an older version of it", () => {
  const { paths } = asking({ server: { hints: false } });
  opened(paths, (id) => paths.client.requestStreamMode(id, "redundant"));
  assertEquals(paths.clientTrace.frames("sent", "hint_stream_mode"), []);
  for (const [version, requests] of [[STREAM_MODES_VERSION - 1, 0], [HINTS_VERSION, 1], [HINTS_VERSION + 5, 1]]) {
    const hello = new ForgedHello("client", {
      hints: version!,
      initialMaxStreamsBidi: 1,
      initialMaxData: 100,
      initialMaxStreamDataBidiRemote: 100,
    }).greet();
    const { connection, pair } = hello;
    assertEquals([connection.state, connection.hasHints], ["connected", true], connection.error?.message);
    const id = connection.openStream("bidirectional")!;
    connection.requestStreamMode(id, "redundant");
    connection.requestMode("handover");
    connection.write(id, Uint8Array.of(1));
    pair.world.runFor(1);
    assertEquals(pair.clientTrace.frames("sent", "hint_mode").length, 1);
    assertEquals(pair.clientTrace.frames("sent", "hint_stream_mode").length, requests);
  }
});

function request(streamId: number, sequence: number, mode: string): HintStreamModeFrame {
  return { kind: "hint_stream_mode", streamId, sequence, mode };
}

function rogue(role: "client" | "server" = "client"): { readonly rogue: Rogue; readonly app: Recorder } {
  const app = new Recorder();
  const pair = new Pair({ ...(role === "client" ? { serverApps: [app] } : { clientApps: [app] }) }).confirm();
  pair.world.runFor(200);
  return { rogue: new Rogue(pair, role).takeOver(), app };
}

const WRONG: readonly [frame: HintStreamModeFrame, code: number, message: string][] = [
  [request(2, 0, "redundant"), TransportErrorCode.STREAM_STATE_ERROR, "Stream 2 is for receiving only"],
  [request(3, 0, "redundant"), TransportErrorCode.STREAM_STATE_ERROR, "Stream 3 has not been opened"],
  [request(4 * 5000, 0, "redundant"), TransportErrorCode.STREAM_LIMIT_ERROR, ""],
];

for (const [frame, code, message] of WRONG) {
  Deno.test(`A request for the mode of stream ${frame.streamId} that the server cannot send on ends the connection`, () => {
    const it = rogue();
    it.rogue.send({ frames: [frame] });
    const { error } = it.rogue.victim;
    assert(error instanceof TransportError);
    assertEquals(error.code, code, error.message);
    assert(error.message.includes(message), error.message);
  });
}

Deno.test("A request for the mode of a stream from a server is a PROTOCOL_VIOLATION", () => {
  const it = rogue("server");
  it.rogue.send({ frames: [request(0, 0, "redundant")] });
  const { error } = it.rogue.victim;
  assert(error instanceof TransportError);
  assertEquals(error.code, TransportErrorCode.PROTOCOL_VIOLATION);
  assert(error.message.includes("came from a server, only clients send it"), error.message);
});

Deno.test("A flood of requests is one event for each stream; late ones and those of streams that are over are passed over", () => {
  const it = rogue();
  const modes = ["redundant", "handover", "nonsense"];
  const frames = Array.from({ length: 60 }, (_, i) => request(4 * (i % 2), i, modes[i % 3]!));
  it.rogue.send({ frames });
  assertEquals(it.rogue.victim.state, "connected");
  assertEquals(it.app.of("stream_mode_requested").map(({ id }) => id).toSorted(), [0, 4]);
  it.rogue.send({ frames: [request(0, 5, "interactive")] });
  assertEquals(it.app.of("stream_mode_requested").length, 2);
  it.rogue.victim.reset(0, 0);
  it.rogue.send({ frames: [request(0, 100, "interactive")] });
  assertEquals(it.rogue.victim.state, "connected");
});

Deno.test("A client that asks for modes of many streams has no more schedulers made than there are accepted modes", () => {
  const { paths } = asking();
  const modes = ["interactive", "handover", "aggregation", "redundant"];
  for (let i = 0; i < 100; i++) {
    const id = paths.client.openStream("bidirectional")!;
    paths.client.requestStreamMode(id, modes[i % 4]);
    paths.client.write(id, Uint8Array.of(i));
    if (i % 20 === 19) paths.world.runFor(100);
  }
  // One of the four is the connection's own.
  assertEquals(named(paths.server).toSorted(), ["handover", "interactive", "redundant"]);
});
