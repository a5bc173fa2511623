/** Streams and datagrams with a mode of their own beside others: what each gets, and that none holds up another. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { minRtt, modes, type SchedulerFactory, send } from "../../schedulers/mod.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { bytesByPath, median, Mixed } from "./mixed.ts";
import { Paths } from "./paths.ts";

/** A quick path and a slow one with more rate, both with a short queue. */
const UNLIKE = [{ delayMs: 10, rateMbps: 10, queueMs: 20 }, { delayMs: 30, rateMbps: 20, queueMs: 40 }];
const BULK = 3_000_000;

function total(bytes: Record<number, number>): number {
  return Object.values(bytes).reduce((a, b) => a + b, 0);
}

Deno.test("A stream in interactive mode has next to the least delay beside a bulk stream that uses all paths", () => {
  const beside = (mode: string | undefined): { mixed: Mixed; times: number[]; id: number } => {
    const mixed = new Mixed({ links: UNLIKE, client: { mode: "aggregation" } });
    const id = mixed.write(BULK);
    mixed.paths.world.runFor(200);
    const times = mixed.messages(mode, 30);
    assertEquals(mixed.atServer.ended.has(id), false);
    return { mixed, times, id };
  };
  const [plain, own] = [beside(undefined), beside("interactive")];
  // What the bulk stream has in the queue of the quick path is before every message.
  assert(median(own.times) <= 10 + 20, `${median(own.times)} ms`);
  assert(median(own.times) < 0.7 * median(plain.times), `${median(own.times)} and ${median(plain.times)} ms`);
  own.mixed.finish(own.id);
  const bytes = bytesByPath(own.mixed.paths.clientTrace, own.id);
  assert(bytes[0]! > 0.25 * BULK && bytes[1]! > 0.5 * BULK, JSON.stringify(bytes));
});

Deno.test("A bulk stream in aggregation mode uses all paths of a connection in handover mode", () => {
  const mixed = new Mixed({ client: { mode: "handover" } });
  const [own, plain] = [mixed.write(1_000_000, modes.aggregation), mixed.write(100_000)];
  mixed.finish(own, plain);
  const trace = mixed.paths.clientTrace;
  assertEquals(Object.keys(bytesByPath(trace, plain)), ["0"]);
  assert(bytesByPath(trace, own)[1]! > 250_000, JSON.stringify(bytesByPath(trace, own)));
});

Deno.test("Streams of equal urgency share alike whatever their modes, and the more urgent goes first", () => {
  const one = [{ delayMs: 10, rateMbps: 10 }];
  const equal = new Mixed({ links: one, client: { mode: "min-rtt" } });
  const ids = ["round-robin", undefined, "interactive"].map((mode) => equal.write(400_000, mode));
  equal.paths.world.require("half of it", () => ids.some((id) => (equal.atServer.received.get(id) ?? 0) > 200_000));
  const shares = ids.map((id) => equal.atServer.received.get(id)!);
  assert(Math.max(...shares) - Math.min(...shares) < 20_000, shares.join(" "));

  const urgent = new Mixed({ links: one, client: { mode: "min-rtt" } });
  const [last, first] = [urgent.write(400_000, "round-robin", 5), urgent.write(400_000, "interactive", 1)];
  urgent.finish(first);
  assert((urgent.atServer.received.get(last) ?? 0) < 20_000);
  urgent.finish(last);
});

Deno.test("What waits for one mode's scheduler is all that it is shown to wait", () => {
  const backlogs: number[][] = [[], []];
  const noting = (of: number): SchedulerFactory => {
    const inner = minRtt();
    return () => ({
      name: `noting ${of}`,
      schedule(work, view) {
        backlogs[of]!.push(view.backlog);
        return inner.schedule(work, view);
      },
    });
  };
  const mixed = new Mixed({ client: { mode: noting(0) } });
  const ids = [mixed.write(300_000), mixed.write(50_000, noting(1))];
  mixed.finish(...ids);
  assertEquals(backlogs.map((its) => its[0]), [300_000, 50_000]);
  // The last question is asked with the last packet still to be filled.
  for (const its of backlogs) assert(its.at(-1)! <= 1452, `${its.at(-1)} bytes`);
});

Deno.test("Only what is sent in redundant mode has copies, and none of it waits for what others have to send", () => {
  const mixed = new Mixed({ links: [{ rateMbps: 20 }, { rateMbps: 20 }], client: { mode: "min-rtt" } });
  const plain = mixed.write(BULK);
  mixed.paths.world.runFor(100);
  mixed.messages("redundant", 10, 20, 1000);
  assertEquals(mixed.atServer.ended.has(plain), false);
  const twice = bytesByPath(mixed.paths.clientTrace, plain + 4);
  assert(twice[0]! >= 9000 && twice[1]! >= 9000, JSON.stringify(twice));
  mixed.finish(plain);
  const sent = total(bytesByPath(mixed.paths.clientTrace, plain));
  const { packetsLost } = mixed.paths.client.stats();
  assert(sent <= BULK + 1452 * (packetsLost + 10), `${sent} bytes, ${packetsLost} packets lost`);
});

Deno.test("Datagrams in redundant mode are hardly ever lost beside a plain bulk stream, and delivered once", () => {
  const links = [{ delayMs: 10, rateMbps: 20, lossPercent: 4 }, { delayMs: 25, rateMbps: 20, lossPercent: 4 }];
  const arrived = (mode: string | undefined, seed: number): number[] => {
    const mixed = new Mixed({ seed, links, client: { mode: "min-rtt" } });
    mixed.write(BULK);
    for (let i = 0; i < 200; i++) {
      const data = Uint8Array.of(i);
      assert(mixed.paths.client.sendDatagram(data, mode === undefined ? { urgency: 2 } : { mode, urgency: 2 }));
      mixed.paths.world.runFor(5);
    }
    mixed.paths.world.runFor(500);
    return mixed.atServer.of("datagram").map(({ data }) => data[0]!);
  };
  // One run tells little: a handful is lost, or none.
  let [lostPlain, lostCopied] = [0, 0];
  for (let seed = 1; seed <= 8; seed++) {
    const [plain, copied] = [arrived(undefined, seed), arrived("redundant", seed)];
    assertEquals(new Set(copied).size, copied.length);
    lostPlain += 200 - plain.length;
    lostCopied += 200 - copied.length;
  }
  assert(
    lostPlain > 40 && lostCopied < 0.6 * lostPlain,
    `of 1600, ${lostPlain} plain and ${lostCopied} copied were lost`,
  );
});

Deno.test("A redundant stream of a connection in handover mode spares backups until nothing else works", () => {
  const mixed = new Mixed({ client: { mode: "handover" } });
  const { client, clientTrace, links, world } = mixed.paths;
  client.setPathStatus(1, "backup", world.now);
  const first = mixed.write(50_000, "redundant");
  mixed.finish(first);
  assertEquals(Object.keys(bytesByPath(clientTrace, first)), ["0"]);
  links[0]!.set({ dead: true });
  const second = mixed.write(50_000, "redundant");
  mixed.finish(second);
  assert(bytesByPath(clientTrace, second)[1]! >= 50_000);
});

Deno.test("A mode of a stream holds at one end: the other goes by its own", () => {
  const load = new Requests([...bulk("down", 1_500_000), ...bulk("up", 1_500_000)]);
  const to = (path: number, name: string): SchedulerFactory => () => ({
    name,
    schedule: (_work, view) => send(view.paths.find(({ id }) => id === path) ?? view.paths[0]!),
  });
  const paths = new Paths({
    client: { mode: to(0, "client's") },
    server: { mode: to(0, "server's") },
    clientApps: [load.client],
    serverApps: [load.server],
  }).ready();
  for (const { streamId } of load.exchanges) paths.server.setStreamMode(streamId, to(1, "server's own"));
  paths.world.require("both", () => load.isDone);
  const [down, up] = load.exchanges.map(({ streamId }) => streamId);
  assertEquals(Object.keys(bytesByPath(paths.clientTrace, up!)), ["0"]);
  assert(bytesByPath(paths.serverTrace, down!)[1]! > 700_000);
  assertEquals(paths.client.stats().streamSchedulers, []);
});

const CHOICES = [undefined, "interactive", "handover", "aggregation", "redundant", "round-robin", "min-rtt"] as const;
const choice = fc.constantFrom(...CHOICES);

Deno.test("The mode of a stream, and the connection's, can change after any packet, and every byte arrives once", () => {
  const links = [{ delayMs: 10, rateMbps: 10, lossPercent: 2 }, { delayMs: 20, rateMbps: 10, lossPercent: 2 }];
  const change = fc.record({ after: fc.integer({ min: 1, max: 12 }), stream: fc.nat(2), mode: choice });
  fc.assert(
    fc.property(fc.array(change, { minLength: 5, maxLength: 40 }), fc.nat(1000), choice, (changes, seed, main) => {
      const load = new Requests(Array.from({ length: 3 }, () => ({ request: 60_000, response: 100 })));
      const client = { mode: main ?? "aggregation" };
      const paths = new Paths({ links, seed, client, clientApps: [load.client], serverApps: [load.server] }).ready();
      for (const { after, stream, mode } of changes) {
        const from = paths.client.stats().packetsSent + after;
        paths.world.require("packets", () => load.isDone || paths.client.stats().packetsSent >= from);
        if (stream === 2 && mode !== undefined) paths.client.setMode(mode, paths.world.now);
        else paths.client.setStreamMode(load.exchanges[stream]!.streamId, mode);
      }
      paths.world.require("all requests, every byte of which is checked", () => load.isDone);
      assertEquals([paths.client.error, paths.server.error], [undefined, undefined]);
      assertEquals(paths.clientTrace.count("multipath:scheduler_fault"), 0);
    }),
    { numRuns: 25 },
  );
});

Deno.test("The mode of a stream can change after each packet of a transfer, one after the other", () => {
  const packets = ((): number => {
    const mixed = new Mixed();
    mixed.finish(mixed.write(40_000));
    return mixed.paths.clientTrace.frames("sent", "stream").length;
  })();
  for (let at = 1; at < packets; at++) {
    const load = new Requests(bulk("up", 40_000));
    const paths = new Paths({ clientApps: [load.client], serverApps: [load.server] }).ready();
    paths.world.require("packets", () => load.isDone || paths.clientTrace.frames("sent", "stream").length >= at);
    paths.client.setStreamMode(load.exchanges[0]!.streamId, CHOICES[at % CHOICES.length]);
    paths.world.require("the transfer, every byte of which is checked", () => load.isDone);
  }
});

Deno.test("Connection.setStreamMode() and sendDatagram() refuse what is no mode, and streams that there are not", () => {
  const { paths } = new Mixed();
  const { client } = paths;
  const id = client.openStream("unidirectional")!;
  assertThrows(() => client.setStreamMode(id, "fastest"), RangeError, 'Mode is "fastest"');
  assertThrows(() => client.setStreamMode(id, 7 as unknown as string), TypeError, "Mode is of no known kind");
  assertThrows(() => client.setStreamMode(400, "handover"), RangeError, "Stream 400 was never opened");
  assertThrows(() => client.sendDatagram(new Uint8Array(1), { mode: "fastest" }), RangeError, 'Mode is "fastest"');
  assertEquals(client.stats().streamSchedulers, []);
});
