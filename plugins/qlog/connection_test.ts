import { assert, assertEquals } from "@std/assert";
import { EndpointNode, Requests, World } from "@multipath/quic/testing";
import { qlogFile } from "./mod.ts";

interface Packet {
  readonly name: string;
  readonly time: number;
  readonly data: {
    readonly header?: { readonly packet_type: string; readonly packet_number?: number };
    readonly frames?: readonly { readonly frame_type: string }[];
    readonly raw?: { readonly length: number };
  };
}

/** A connection over a link that loses, logged at both ends. */
function logged(): { client: string; server: string } {
  const texts = { client: "", server: "" };
  const log = (side: "client" | "server"): ReturnType<typeof qlogFile> =>
    qlogFile({
      writeSync(bytes) {
        texts[side] += new TextDecoder().decode(bytes);
        return bytes.length;
      },
    }, { started: null });
  const world = new World({ seed: 1 });
  const link = world.addLink({ rateMbps: 20, delayMs: 10, lossPercent: 1 });
  const requests = new Requests([{ request: 100, response: 300_000 }]);
  const logs = { client: log("client"), server: log("server") };
  const client = new EndpointNode({ random: world.random.fork("client"), observer: logs.client });
  const server = new EndpointNode({
    random: world.random.fork("server"),
    observer: logs.server,
    server: {},
    apps: () => [requests.server],
  });
  world.addHost({ name: "client", hostnames: [link.client], node: client, app: (now) => client.run(now) });
  world.addHost({ name: "server", hostnames: [link.server], node: server, app: (now) => server.run(now) });
  const connection = client.connect({
    local: { hostname: link.client, port: 5000 },
    remote: { hostname: link.server, port: 443 },
    now: 0,
    apps: [requests.client],
  });
  world.require("the response", () => requests.isDone);
  connection.close(7, "done", world.now);
  world.run({ limit: world.now + 5000 });
  for (const { error } of Object.values(logs)) assertEquals(error, undefined);
  return texts;
}

function read(text: string): Packet[] {
  return text.split("\x1e").slice(2).map((record) => JSON.parse(record));
}

Deno.test("qlogFile() tells the whole story of a connection, the same at every run", () => {
  const texts = logged();
  assertEquals(logged(), texts);
  const [client, server] = [read(texts.client), read(texts.server)];
  for (const events of [client, server]) {
    assert(events.length > 300);
    assert(events.every((e, i) => i === 0 || e.time >= (events[i - 1]?.time ?? 0)));
    const names = new Set(events.map((e) => e.name));
    for (
      const name of [
        "quic:connection_started",
        "quic:alpn_information",
        "quic:parameters_set",
        "quic:key_updated",
        "quic:packet_sent",
        "quic:packet_received",
        "quic:recovery_metrics_updated",
        "quic:connection_closed",
      ]
    ) assert(names.has(name), `${name} is missing`);
  }
  assert(server.some((e) => e.name === "quic:packet_lost"));
  // What the one received, the other had sent: same type, number, size and frames.
  const key = ({ data }: Packet): string => {
    const frames = data.frames?.map((f) => f.frame_type).join();
    return `${data.header?.packet_type} ${data.header?.packet_number} ${data.raw?.length} ${frames}`;
  };
  const sent = new Set(server.filter((e) => e.name === "quic:packet_sent").map(key));
  const received = client.filter((e) => e.name === "quic:packet_received");
  assert(received.length > 100);
  assertEquals(received.filter((e) => !sent.has(key(e))).map(key), []);
});
