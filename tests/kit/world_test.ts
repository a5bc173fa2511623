import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { Address, Datagram, Ecn, Transmit } from "../../transport/base/address.ts";
import type { Node } from "./node.ts";
import { type Host, World, type WorldLinkOptions } from "./world.ts";

const CLIENT: Address = { hostname: "10.0.0.1", port: 5000 };
const SERVER: Address = { hostname: "192.0.2.1", port: 443 };

interface Seen {
  readonly at: number;
  readonly text: string;
  readonly from: string;
  readonly to: string;
  readonly ecn: Ecn;
}

/** A node that sends what is put into its queue, records what comes and has one timer. */
class FakeNode implements Node {
  readonly outbox: { data: string; local: Address; remote: Address; segment?: number; ecn?: Ecn }[] = [];
  readonly inbox: Seen[] = [];
  readonly errors: string[] = [];
  readonly log: string[];
  timeout = Infinity;
  onReceive: ((datagram: Datagram, now: number) => void) | undefined;
  onTimeout: ((now: number) => void) | undefined;

  constructor(log: string[] = []) {
    this.log = log;
  }

  say(data: string, local: Address, remote: Address): void {
    this.outbox.push({ data, local, remote });
  }

  receive(datagram: Datagram, now: number): void {
    const { data, local, remote, ecn } = datagram;
    const text = new TextDecoder().decode(data);
    const write = (a: Address): string => `${a.hostname}:${a.port}`;
    this.inbox.push({ at: now, text, from: write(remote), to: write(local), ecn });
    this.log.push(`${now} receive ${text}`);
    this.onReceive?.(datagram, now);
    data.fill(0);
  }

  transmit(_now: number, buffer: Uint8Array): Transmit | undefined {
    const next = this.outbox.shift();
    if (next === undefined) return undefined;
    const { written } = new TextEncoder().encodeInto(next.data, buffer);
    const { local, remote } = next;
    return { local, remote, length: written, segment: next.segment ?? written, ecn: next.ecn ?? "not-ect" };
  }

  nextTimeout(): number {
    return this.timeout;
  }

  handleTimeout(now: number): void {
    this.log.push(`${now} timeout`);
    this.timeout = Infinity;
    this.onTimeout?.(now);
  }

  onSendError(_local: Address, remote: Address, error: "unreachable", now: number): void {
    this.errors.push(`${now} ${error} ${remote.hostname}`);
  }
}

interface Pair {
  readonly world: World;
  readonly client: FakeNode;
  readonly server: FakeNode;
  readonly hosts: readonly [Host, Host];
  readonly log: string[];
}

function pair(...links: WorldLinkOptions[]): Pair {
  const world = new World({ seed: 5 });
  const made = (links.length > 0 ? links : [{ delayMs: 10 }]).map((options) => world.addLink(options));
  const log: string[] = [];
  const [client, server] = [new FakeNode(log), new FakeNode(log)];
  const hosts = [
    world.addHost({ name: "client", hostnames: made.map((l) => l.client), node: client }),
    world.addHost({ name: "server", hostnames: ["192.0.2.1"], node: server }),
  ] as const;
  return { world, client, server, hosts, log };
}

Deno.test("World carries datagrams between hosts with their addresses and marks", () => {
  const { world, client, server, hosts } = pair();
  client.say("hello", CLIENT, SERVER);
  server.onReceive = ({ local, remote }) => server.say("hi", local, remote);
  assertEquals(world.run(), "idle");
  assertEquals(server.inbox, [{ at: 10, text: "hello", from: "10.0.0.1:5000", to: "192.0.2.1:443", ecn: "not-ect" }]);
  assertEquals(client.inbox, [{ at: 20, text: "hi", from: "192.0.2.1:443", to: "10.0.0.1:5000", ecn: "not-ect" }]);
  assertEquals([world.now, hosts[0].sent, hosts[1].received], [20, 1, 1]);
});

Deno.test("World picks the link by both addresses, and keeps directions apart", () => {
  const { world, client, server } = pair({ up: { delayMs: 5 }, down: { delayMs: 7 } }, { delayMs: 100 });
  const second: Address = { hostname: "10.0.1.1", port: 6000 };
  client.say("a", CLIENT, SERVER);
  client.say("b", second, SERVER);
  server.onReceive = ({ local, remote }) => server.say("reply", local, remote);
  world.run();
  assertEquals(server.inbox.map((m) => [m.at, m.text]), [[5, "a"], [100, "b"]]);
  assertEquals(client.inbox.map((m) => [m.at, m.to]), [[12, "10.0.0.1:5000"], [200, "10.0.1.1:6000"]]);
});

Deno.test("World cuts trains into datagrams", () => {
  const { world, client, server } = pair({ rateMbps: 1, overheadBytes: 0 });
  client.outbox.push({ data: "aaabbbcc", local: CLIENT, remote: SERVER, segment: 3, ecn: "ect0" });
  world.run();
  assertEquals(server.inbox.map((m) => [m.text, m.ecn]), [["aaa", "ect0"], ["bbb", "ect0"], ["cc", "ect0"]]);
  assertAlmostEquals(server.inbox[2]?.at ?? 0, 8 / 125, 1e-12);
});

Deno.test("World does arrivals, then timers, then applications, then sends", () => {
  const { world, client, server, log, hosts } = pair({ delayMs: 10 });
  client.say("x", CLIENT, SERVER);
  server.timeout = 10;
  world.at(10, () => {
    log.push("10 application");
    server.say("y", SERVER, CLIENT);
  });
  hosts[1].app = (now) => now > 0 && log.push(`${now} app`);
  world.run();
  assertEquals(log, ["10 receive x", "10 timeout", "10 application", "10 app", "20 receive y"]);
});

Deno.test("World follows timers that change", () => {
  const { world, client, log } = pair();
  client.timeout = 50;
  world.at(20, () => client.timeout = 30);
  client.onTimeout = (now) => now < 60 && (client.timeout = now + 15);
  world.run();
  assertEquals(log, ["30 timeout", "45 timeout", "60 timeout"]);
});

Deno.test("World.run() ends at its condition, at its limit, or when nothing is left", () => {
  const { world, client, server } = pair({ delayMs: 10 });
  client.say("x", CLIENT, SERVER);
  assertEquals(world.run({ until: () => server.inbox.length > 0 }), "until");
  assertEquals(world.now, 10);
  client.say("y", CLIENT, SERVER);
  assertEquals(world.run({ limit: 15 }), "limit");
  assertEquals([world.now, server.inbox.length], [15, 1]);
  world.runFor(3);
  assertEquals([world.now, server.inbox.length], [18, 1]);
  world.runFor(10);
  assertEquals([world.now, server.inbox.length], [28, 2]);
  assertEquals(world.run(), "idle");
  world.require("two messages", () => server.inbox.length === 2);
  assertThrows(
    () => world.require("three messages", () => server.inbox.length === 3),
    Error,
    "expected three messages",
  );
});

Deno.test("World refuses to hang: timers that stay due, nodes that never stop sending, time that is no number", () => {
  const due = pair();
  due.client.onTimeout = () => due.client.timeout = 5;
  due.client.timeout = 5;
  assertThrows(() => due.world.run(), Error, "does not get past 5 ms; hosts with a timer that is due: client");
  const endless = pair();
  endless.client.transmit = () => ({ local: CLIENT, remote: SERVER, length: 0, segment: 1, ecn: "not-ect" });
  assertThrows(() => endless.world.run(), Error, "client transmits without end");
  const nan = pair();
  nan.client.timeout = NaN;
  assertThrows(() => nan.world.run(), Error, "is NaN");
});

Deno.test("World lets a whole exchange happen at one instant over links without delay", () => {
  const { world, client, server } = pair({ delayMs: 0 });
  client.say("0", CLIENT, SERVER);
  server.onReceive = ({ local, remote }) => server.say("pong", local, remote);
  client.onReceive = ({ local, remote }) => client.inbox.length < 3000 && client.say("ping", local, remote);
  world.run();
  assertEquals([world.now, server.inbox.length], [0, 3000]);
});

Deno.test("World tells the sender when a link is unreachable or there is none, and only then", () => {
  const { world, client, server } = pair({ delayMs: 1 });
  world.links[0]?.set({ dead: true }, "up");
  client.say("x", CLIENT, SERVER);
  world.run();
  assertEquals(client.errors, []);
  world.links[0]?.set({ unreachable: true }, "up");
  client.say("x", CLIENT, SERVER);
  server.say("y", SERVER, CLIENT);
  world.run();
  assertEquals(client.errors, ["0 unreachable 192.0.2.1"]);
  assertEquals(client.inbox.length, 1);
  client.say("x", CLIENT, { hostname: "203.0.113.9", port: 1 });
  world.run();
  assertEquals(client.errors.at(-1), "1 unreachable 203.0.113.9");
});

Deno.test("WorldLink.rebind() changes the client's port, or address, and forgets what was mapped before", () => {
  const { world, client, server } = pair({ delayMs: 10 });
  const link = world.links[0];
  assert(link);
  client.say("a", CLIENT, SERVER);
  server.onReceive = ({ local, remote }) => server.say(`re ${server.inbox.length}`, local, remote);
  // The answer to "a" is under way when the mapping goes.
  world.at(15, () => link.rebind());
  world.at(30, () => client.say("b", CLIENT, SERVER));
  world.at(60, () => link.rebind({ address: true }));
  world.at(70, () => client.say("c", CLIENT, SERVER));
  world.run();
  assertEquals(server.inbox.map((m) => m.from), ["10.0.0.1:5000", "10.0.0.1:20000", "198.18.0.1:20001"]);
  assertEquals(client.inbox.map((m) => [m.text, m.to]), [["re 2", "10.0.0.1:5000"], ["re 3", "10.0.0.1:5000"]]);
  // What is sent to a former address travels over the link and is lost there.
  server.say("late", SERVER, CLIENT);
  const before = link.down.counts.handed;
  world.run();
  assertEquals([link.down.counts.handed - before, client.inbox.length], [1, 2]);
});

Deno.test("World lets other hosts use a link, and links share a bottleneck", () => {
  const world = new World();
  const first = world.addLink({ rateMbps: 1, share: "backbone", overheadBytes: 0 });
  const second = world.addLink({ delayMs: 3, share: "backbone", overheadBytes: 0 });
  first.attach({ client: "10.9.0.1", server: "192.0.2.9" });
  const [client, cross, server, sink] = [new FakeNode(), new FakeNode(), new FakeNode(), new FakeNode()];
  world.addHost({ name: "client", hostnames: [first.client, second.client], node: client });
  world.addHost({ name: "cross", hostnames: ["10.9.0.1"], node: cross });
  world.addHost({ name: "server", hostnames: [first.server], node: server });
  world.addHost({ name: "sink", hostnames: ["192.0.2.9"], node: sink });
  client.say("a".repeat(125), CLIENT, SERVER);
  cross.say("b".repeat(125), { hostname: "10.9.0.1", port: 1 }, { hostname: "192.0.2.9", port: 1 });
  world.run();
  assertEquals([server.inbox[0]?.at, sink.inbox[0]?.at], [1, 2]);
  client.say("a".repeat(125), CLIENT, SERVER);
  client.say("c".repeat(125), { hostname: "10.0.1.1", port: 1 }, SERVER);
  const start = world.now;
  world.run();
  assertEquals(server.inbox.slice(1).map((m) => m.at - start), [1, 5]);
  second.set({ rateMbps: 2 });
  assertEquals([first.up.options.rateMbps, first.down.options.delayMs], [2, 0]);
});

Deno.test("World does the same again for the same seed, to the byte", () => {
  const run = (seed: number): string => {
    const world = new World({ seed });
    const options = { rateMbps: 2, delayMs: 10, jitterMs: 4, lossPercent: 5, duplicatePercent: 2, corruptPercent: 5 };
    world.addLink({ ...options, reorder: true });
    const [client, server] = [new FakeNode(), new FakeNode()];
    world.addHost({ name: "client", hostnames: ["10.0.0.1"], node: client });
    world.addHost({ name: "server", hostnames: ["192.0.2.1"], node: server });
    server.onReceive = ({ local, remote }, now) => now < 2000 && server.say(`re ${now}`, local, remote);
    client.onReceive = ({ local, remote }, now) => now < 2000 && client.say(`again ${now}`, local, remote);
    for (let i = 0; i < 20; i++) world.at(i, () => client.say(`first ${i}`, CLIENT, SERVER));
    world.run();
    return JSON.stringify([client.inbox, server.inbox]);
  };
  const once = run(1);
  assert(once.length > 10_000);
  assertEquals(run(1), once);
  assert(run(2) !== once);
});

Deno.test("World.addHost() refuses a hostname that is taken", () => {
  const { world } = pair();
  assertThrows(
    () => world.addHost({ name: "x", hostnames: ["192.0.2.1"], node: new FakeNode() }),
    TypeError,
    "belongs",
  );
});

Deno.test("World refuses actions that are none, and limits that are no time", () => {
  const { world } = pair();
  assertThrows(() => world.at(5, undefined as unknown as () => void), TypeError, "Action is undefined");
  for (const limit of [NaN, -1]) assertThrows(() => world.run({ limit }), RangeError, `"limit" is ${limit}: expected`);
});
