import { assertEquals, assertThrows } from "@std/assert";
import { FakePacket, fakeReceived } from "../base/fake_packet.ts";
import type { Role } from "../base/role.ts";
import { Hints, MAX_PATH_HINTS, SIGNAL_INTERVAL } from "./hints.ts";
import { Path } from "./path.ts";
import type { PathLimits } from "./path_limits.ts";
import { PathSet } from "./path_set.ts";
import type { Route } from "./route.ts";

interface Setup {
  readonly it: Hints;
  readonly paths: PathSet;
  readonly over: Set<number>;
  readonly heard: [string, number][];
}

function setup(role: Role, active: () => boolean = () => true): Setup {
  const paths = new PathSet();
  const over = new Set<number>();
  const heard: [string, number][] = [];
  const it = new Hints({
    role,
    paths,
    limits: { check: () => {} } as unknown as PathLimits,
    isActive: active,
    acceptModes: ["handover"],
    isOver: (id) => over.has(id),
    onSignal: (name, value) => heard.push([name, value]),
  });
  return { it, paths, over, heard };
}

function path(id: number, label = ""): Path {
  return new Path(id, {} as Route, { label, cost: 0, metered: false }, "usable");
}

function write(it: Hints, now: number, on = 0): FakePacket {
  const packet = new FakePacket({ now, path: on });
  if (it.hasFrames(packet)) it.writeFrames(packet);
  return packet;
}

function values(packet: FakePacket): unknown[] {
  return packet.frames.map((f) => f.kind === "hint_signal" ? f.value : f.kind === "hint_path" ? f.label : f);
}

Deno.test("Hints keep a signal back until 25 ms after the last, and wake up for it once", () => {
  const { it } = setup("client");
  assertEquals(it.nextTimeout(), Infinity);
  it.setSignal("a", 1, 0);
  assertEquals(values(write(it, 0)), [1]);
  it.setSignal("a", 2, 1);
  it.setSignal("a", 3, 2);
  assertEquals([values(write(it, 24.9)), it.nextTimeout()], [[], SIGNAL_INTERVAL]);
  it.onTimeout(25);
  // Without room for a packet it waits on, but no timer calls again and again.
  assertEquals(it.nextTimeout(), Infinity);
  assertEquals(values(write(it, 40)), [3]);
  it.setSignal("a", 4, 41);
  assertEquals([values(write(it, 64.9)), it.nextTimeout()], [[], 65]);
});

Deno.test("Hints send a lost signal again in its newest value, and not within 25 ms either", () => {
  const { it } = setup("client");
  it.setSignal("a", 1, 0);
  const first = write(it, 0);
  first.lost(5);
  assertEquals([values(write(it, 5)), it.nextTimeout()], [[], 25]);
  it.setSignal("a", 2, 10);
  const second = write(it, 25);
  assertEquals(values(second), [2]);
  // The first was not lost after all, which says nothing of the second.
  first.acked(30);
  second.lost(60);
  const third = write(it, 60);
  assertEquals(values(third), [2]);
  third.acked(90);
  assertEquals([values(write(it, 100)), it.nextTimeout()], [[], Infinity]);
});

Deno.test("Hints in flight on a path are offered to others", () => {
  const { it, paths } = setup("client");
  paths.add(path(0, "wifi"));
  it.onOpened(paths.get(0)!);
  it.setSignal("a", 1, 0);
  it.requestMode("handover");
  assertEquals(write(it, 0, 1).frames.length, 3);
  assertEquals(write(it, 100).frames, []);
  it.offerAgain(0);
  assertEquals(write(it, 100).frames, []);
  it.offerAgain(1);
  assertEquals(write(it, 100).frames.map((f) => f.kind), ["hint_mode", "hint_path", "hint_signal"]);
});

Deno.test("Hints wait until the extension is on", () => {
  let active = false;
  const { it, paths, heard } = setup("client", () => active);
  paths.add(path(0, "wifi"));
  it.setSignal("a", 1, 0);
  it.describe(paths.get(0)!, { cost: 2 });
  assertEquals([write(it, 0).frames, it.nextTimeout(), heard], [[], Infinity, [["a", 1]]]);
  it.start();
  assertEquals(write(it, 0).frames, []);
  active = true;
  it.start();
  assertEquals(values(write(it, 0)), ["wifi", 1]);
});

Deno.test("Hints tell each newer signal, of either end, and none twice", () => {
  const { it, heard } = setup("server");
  const receive = (sequence: number, value: number) =>
    it.onFrame({ kind: "hint_signal", name: "a", sequence, value }, fakeReceived());
  receive(5, 50);
  receive(4, 40);
  receive(5, 50);
  it.setSignal("a", 7, 0);
  it.setSignal("a", 7, 1);
  receive(6, 60);
  assertEquals(heard, [["a", 50], ["a", 7], ["a", 60]]);
  assertEquals([it.signal("a"), it.nextEvent(), it.nextEvent()], [
    60,
    { type: "signal", name: "a", value: 60 },
    undefined,
  ]);
  it.setSignal("a", 7, 2);
  assertEquals(it.signal("a"), 7);
});

Deno.test("Hints of paths that are not open yet are kept, within bounds, and applied when they are", () => {
  const { it, paths, over } = setup("server");
  const receive = (id: number, sequence: number, label: string) =>
    it.onFrame({ kind: "hint_path", path: id, sequence, cost: 1, metered: true, label }, fakeReceived());
  const labelOf = (id: number): string => {
    const opened = path(id);
    paths.add(opened);
    it.onOpened(opened);
    return opened.properties.label;
  };
  for (let id = 0; id < 2 * MAX_PATH_HINTS; id++) receive(id, 0, `label ${id}`);
  assertEquals([labelOf(0), labelOf(MAX_PATH_HINTS)], ["", `label ${MAX_PATH_HINTS}`]);
  // What is known of ids that are used up goes first.
  for (let id = MAX_PATH_HINTS + 1; id < 2 * MAX_PATH_HINTS; id++) over.add(id);
  for (let id = 1; id < MAX_PATH_HINTS; id++) receive(id, 0, `again ${id}`);
  assertEquals([labelOf(1), labelOf(MAX_PATH_HINTS - 1)], ["again 1", `again ${MAX_PATH_HINTS - 1}`]);
  receive(2 * MAX_PATH_HINTS - 1, 9, "too late");
  assertEquals(labelOf(2 * MAX_PATH_HINTS - 1), "");
});

Deno.test("Hints of paths: a later sequence number wins, the closing ends them", () => {
  const { it, paths } = setup("server");
  const receive = (sequence: number, label: string) =>
    it.onFrame({ kind: "hint_path", path: 1, sequence, cost: 0, metered: false, label }, fakeReceived());
  const its = path(1);
  paths.add(its);
  receive(3, "new");
  receive(2, "old");
  assertEquals(its.properties.label, "new");
  it.onClosing(1);
  assertEquals(it.nextEvent(), undefined);
});

Deno.test("Hints refuse to be asked by a server for a mode", () => {
  assertThrows(() => setup("server").it.requestMode("handover"), TypeError, "Cannot request a mode");
});
