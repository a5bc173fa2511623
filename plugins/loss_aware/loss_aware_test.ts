import { assert, assertEquals } from "@std/assert";
import { minRtt, type PathView, type SchedulerFactory, type SchedulerHost } from "@multipath/quic/schedulers";
import {
  connectionView,
  EndpointNode,
  pathView,
  Requests,
  testScheduler,
  workOf,
  World,
} from "@multipath/quic/testing";
import { lossAware } from "./mod.ts";
import factory from "./mod.ts";

testScheduler("loss-aware", lossAware);

const HOST: SchedulerHost = { random: () => 0.5, wakeAt() {}, probe() {}, setStatus() {}, log() {} };

function choice(paths: PathView[], now = 0): number {
  return lossAware(HOST).schedule(workOf(), connectionView(paths, { now })).path;
}

Deno.test("lossAware() counts what repairs take", () => {
  const lossy = pathView(0, { srtt: 20, lossRate: 0.1 });
  assertEquals(choice([lossy, pathView(1, { srtt: 22 })]), 1);
  assertEquals(choice([lossy, pathView(1, { srtt: 40 })]), 0);
  assertEquals(choice([lossy, pathView(1, { srtt: 22, room: 0 })]), 0);
});

Deno.test("lossAware() forgets losses that are long ago, and has paths tried that are not used", () => {
  const probed: number[] = [];
  const scheduler = lossAware({ ...HOST, probe: (path) => probed.push(path) });
  const lossy = pathView(0, { srtt: 20, lossRate: 0.2 });
  const used = pathView(1, { srtt: 26, inFlight: 1200 });
  const view = connectionView([lossy, used]);
  const asked: number[] = [];
  for (; view.now <= 30_000; view.now += 100) {
    used.lastAckAt = used.oldestUnackedAt = view.now;
    asked.push(scheduler.schedule(workOf(), view).path);
  }
  assertEquals([asked[0], asked.at(-1)], [1, 0]);
  assertEquals(new Set(probed), new Set([0]));
  assert(probed.length >= 55 && probed.length <= 60, `${probed.length}`);
});

Deno.test("lossAware() does not take turns between two that are alike", () => {
  const scheduler = lossAware(HOST);
  const [one, other] = [pathView(0), pathView(1)];
  const asked = Array.from({ length: 20 }, (_, i) => {
    one.srtt = 20 + i % 2;
    other.srtt = 21 - i % 2;
    return scheduler.schedule(workOf(), connectionView([one, other])).path;
  });
  assertEquals(new Set(asked).size, 1);
});

/** The slowest of the best nine tenths of 100 responses, over a fast lossy link and one that is a little slower. */
function p90(mode: SchedulerFactory): number {
  const world = new World({ seed: 5 });
  const links = [{ delayMs: 20, rateMbps: 20 }, { delayMs: 24, rateMbps: 20 }].map((link) => world.addLink(link));
  const requests = Array.from({ length: 150 }, (_, i) => ({
    request: 100,
    response: 4000,
    ...(i > 0 ? { after: i - 1 } : {}),
  }));
  const load = new Requests(requests);
  const server = new EndpointNode({
    random: world.random.fork("server"),
    server: { transport: { mode } },
    apps: () => [load.server],
  });
  const client = new EndpointNode({ random: world.random.fork("client") });
  world.addHost({ name: "client", hostnames: links.map((l) => l.client), node: client, app: (now) => client.run(now) });
  world.addHost({ name: "server", hostnames: [links[0]!.server], node: server, app: (now) => server.run(now) });
  const ends = links.map((link) => ({
    local: { hostname: link.client, port: 50_000 },
    remote: { hostname: link.server, port: 443 },
  }));
  const connection = client.connect({ ...ends[0]!, now: 0, transport: { mode } });
  world.require("the handshake", () => connection.isConfirmed);
  connection.openPath(
    { ...ends[1]!, properties: { label: "second", cost: 0, metered: false }, status: "available" },
    world.now,
  );
  world.runFor(200);
  links[0]!.set({ lossPercent: 10 });
  client.driver(connection).add(load.client);
  load.client.onEvent({ type: "confirmed" }, connection, world.now);
  world.require("all responses", () => load.isDone);
  const times = load.exchanges.slice(50).map(({ startedAt, endedAt }) => endedAt - startedAt).sort((a, b) => a - b);
  return times[Math.ceil(times.length * 0.9) - 1]!;
}

Deno.test("lossAware() answers sooner than min-RTT when the fastest path is lossy", () => {
  const [own, plain] = [p90(lossAware), p90(minRtt)];
  assert(own < plain * 0.75, `${own} ms, ${plain} with min-RTT`);
});

Deno.test("lossAware() is the default export, as the command-line tool wants it", () => {
  assertEquals(factory, lossAware);
});
