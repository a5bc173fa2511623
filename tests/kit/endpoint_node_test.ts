import { assert, assertEquals, assertThrows } from "@std/assert";
import { type RequestOptions, Requests } from "./apps.ts";
import { EndpointNode, type EndpointNodeOptions } from "./endpoint_node.ts";
import { World, type WorldLinkOptions } from "./world.ts";

const REMOTE = { hostname: "192.0.2.1", port: 443 };

interface Scene {
  readonly world: World;
  readonly client: EndpointNode;
  readonly server: EndpointNode;
  readonly requests: Requests;
}

function scene(list: RequestOptions[], link: WorldLinkOptions, options: Partial<EndpointNodeOptions> = {}): Scene {
  const world = new World({ seed: 3 });
  const { client: hostname } = world.addLink(link);
  const requests = new Requests(list);
  const client = new EndpointNode({ random: world.random.fork("client") });
  const server = new EndpointNode({
    random: world.random.fork("server"),
    server: {},
    apps: () => [requests.server],
    ...options,
  });
  world.addHost({ name: "client", hostnames: [hostname], node: client, app: (now) => client.run(now) });
  world.addHost({ name: "server", hostnames: [REMOTE.hostname], node: server, app: (now) => server.run(now) });
  client.connect({ local: { hostname, port: 5000 }, remote: REMOTE, now: 0, apps: [requests.client] });
  return { world, client, server, requests };
}

Deno.test("EndpointNode runs real connections and their applications over a link", () => {
  const { world, client, server, requests } = scene([{ request: 257, response: 200_000 }], {
    rateMbps: 20,
    delayMs: 15,
  });
  world.require("the response", () => requests.isDone);
  assertEquals([client.connections.length, server.connections.length], [1, 1]);
  const [exchange] = requests.exchanges;
  assertEquals([exchange?.up, exchange?.down], [257, 200_000]);
  // 200 kB at 20 Mbit/s are 80 ms on the wire, and the handshake and the request are two round trips more.
  assert(requests.completedAt > 80 + 60 && requests.completedAt < 400, `${requests.completedAt}`);
});

Deno.test("EndpointNode does the same again for the same seed, to the byte and to the instant", () => {
  const run = (): { log: string[]; completedAt: number } => {
    const { world, requests } = scene([{ request: 100, response: 300_000 }, {
      request: 50_000,
      response: 10,
      after: 0,
    }], {
      rateMbps: 10,
      delayMs: 20,
      jitterMs: 3,
      lossPercent: 2,
    });
    const log: string[] = [];
    world.onSend = (_, direction, data, now) => log.push(`${now} ${direction} ${data.length} ${sum(data)}`);
    world.require("both responses", () => requests.isDone);
    return { log, completedAt: requests.completedAt };
  };
  const first = run();
  assert(first.log.length > 300);
  assertEquals(run(), first);
});

Deno.test("EndpointNode leaves it to its owner whom to let in", () => {
  const seen: string[] = [];
  const { world, client, server } = scene([], { delayMs: 10 }, {
    onIncoming: (incoming, endpoint, now) => {
      seen.push(`${incoming.remote.port} at ${now}`);
      endpoint.refuse(incoming, now);
    },
  });
  world.run({ limit: 5000 });
  assertEquals([seen, server.connections.length], [["5000 at 10"], 0]);
  const [connection] = client.connections;
  assert(connection?.error);
  assertEquals([connection.error.code, connection.error.byPeer], [2, true]);
  assertEquals(client.driver(connection).closed?.type, "closed");
  const stranger = scene([], {}).client.connections[0];
  assertThrows(() => stranger && client.driver(stranger), TypeError, "unknown");
});

/** A checksum that every byte and its place go into. */
function sum(data: Uint8Array): number {
  let value = 0x811c9dc5;
  for (const byte of data) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
