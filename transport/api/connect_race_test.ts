import { assert, assertEquals, assertRejects } from "@std/assert";
import { IdleTimeoutError } from "../base/errors.ts";
import { handover } from "../../schedulers/handover.ts";
import type { Scheduler } from "../../schedulers/scheduler.ts";
import type { QuicPath } from "./path_types.ts";
import type { QuicConn, QuicListener } from "./types.ts";
import { QuicEndpoint } from "./endpoint.ts";
import { Server } from "./loopback_fixture_test.ts";
import { closeAll, eventually, PathLog } from "./paths_fixture_test.ts";

/** Carries datagrams to a server and back as long as it is told to, and counts what it was given. */
class Relay implements AsyncDisposable {
  readonly #front: Deno.DatagramConn;
  readonly #server: Deno.NetAddr;
  readonly #backs = new Map<number, Deno.DatagramConn>();
  readonly #done: Promise<void>[] = [];
  up: boolean;
  down: boolean;
  /** Datagrams from clients. */
  received = 0;

  constructor(hostname: string, port: number, carries: { up: boolean; down: boolean }) {
    this.#front = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    this.#server = { transport: "udp", hostname: "127.0.0.1", port };
    this.up = carries.up;
    this.down = carries.down;
    this.#done.push(this.#carryUp());
  }

  get remote(): string {
    const { hostname, port } = this.#front.addr as Deno.NetAddr;
    return `${hostname}:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#front.close();
    for (const back of this.#backs.values()) back.close();
    await Promise.all(this.#done);
  }

  async #carryUp(): Promise<void> {
    for await (const [data, from] of this.#front) {
      this.received += 1;
      const { port } = from as Deno.NetAddr;
      let back = this.#backs.get(port);
      if (back === undefined) {
        back = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
        this.#backs.set(port, back);
        this.#done.push(this.#carryDown(back, from));
      }
      if (this.up) await back.send(data, this.#server).catch(() => {});
    }
  }

  async #carryDown(back: Deno.DatagramConn, to: Deno.Addr): Promise<void> {
    for await (const [data] of back) if (this.down) await this.#front.send(data, to).catch(() => {});
  }
}

/** Lets everyone in, and notes what becomes of them. */
class Served {
  readonly conns: QuicConn[] = [];
  readonly failures: unknown[] = [];

  constructor(listener: QuicListener) {
    this.#serve(listener).catch(() => {});
  }

  async #serve(listener: QuicListener): Promise<void> {
    for await (const incoming of listener) {
      incoming.accept().then((conn) => this.conns.push(conn), (error) => this.failures.push(error));
    }
  }
}

const NOTHING = { up: false, down: false };

Deno.test("connectQuic() tries the other paths beside the first when that does not answer, and opens it when it does", async () => {
  await using server = new Server();
  const served = new Served(server.listener);
  await using relay = new Relay("127.0.0.2", server.port, NOTHING);
  const client = await server.connect({
    paths: [
      { local: "127.0.0.2", remote: relay.remote, label: "wifi" },
      {
        local: "127.0.0.3",
        remote: `127.0.0.1:${server.port}`,
        label: "cell",
        cost: 1,
        metered: true,
        status: "backup",
      },
    ],
  });
  const log = new PathLog(client);
  const [first, other] = client.paths;
  assertEquals([first?.id, first?.label, first?.cost, first?.metered, first?.status], [0, "cell", 1, true, "backup"]);
  assertEquals([first?.local.hostname, other?.id, other?.label, other?.state], ["127.0.0.3", 1, "wifi", "opening"]);
  await eventually("the server to hear what path 0 is", () => served.conns[0]?.paths[0]?.peerStatus === "backup");
  await log.until("closed", 1);
  relay.up = relay.down = true;
  const found = (): boolean => client.paths.some(({ label, state }) => label === "wifi" && state === "usable");
  await eventually("the other to become a path", found);
  assertEquals([served.conns.length, served.failures.length], [1, 0]);
  await closeAll(client);
});

Deno.test("connectQuic() in mode handover goes over to the path that is listed first though another one answered first", async () => {
  await using server = new Server();
  const served = new Served(server.listener);
  await using relay = new Relay("127.0.0.2", server.port, NOTHING);
  const used: number[] = [];
  const client = await server.connect({
    paths: [
      { local: "127.0.0.2", remote: relay.remote, label: "wifi" },
      { local: "127.0.0.3", remote: `127.0.0.1:${server.port}`, label: "cell" },
    ],
    mode: (host) => {
      const inner = handover(host);
      const schedule: Scheduler["schedule"] = (work, view) => {
        const decision = inner.schedule(work, view);
        used.push(decision.path);
        return decision;
      };
      return { ...inner, schedule };
    },
  });
  assertEquals(client.paths.map(({ id, label }) => [id, label]), [[0, "cell"], [1, "wifi"]]);
  relay.up = relay.down = true;
  const wifi = (): QuicPath | undefined => client.paths.find(({ label }) => label === "wifi");
  await eventually("the other to become a path", () => wifi()?.state === "usable");
  const stream = await client.createUnidirectionalStream();
  const writer = stream.getWriter();
  // A path that has just come is not trusted at once: the application says something now and then.
  await eventually("data to go there", () => {
    writer.write(new Uint8Array(10)).catch(() => {});
    return used.at(-1) === wifi()?.id;
  });
  assertEquals(served.conns.length, 1);
  await closeAll(client);
});

Deno.test("connectQuic() closes the attempts that lose, at the levels that the server can read", async () => {
  await using server = new Server();
  const served = new Served(server.listener);
  // The server has a connection for the first attempt, whose answers get lost.
  await using relay = new Relay("127.0.0.2", server.port, { up: true, down: false });
  const client = await server.connect({
    paths: [{ local: "127.0.0.2", remote: relay.remote }, { local: "127.0.0.3", remote: `127.0.0.1:${server.port}` }],
  });
  await eventually("the server to be told", () => served.failures.length === 1);
  const error = served.failures[0] as Error & { code: number; byPeer: boolean; reason: string };
  // APPLICATION_ERROR of the transport's: nothing of the application's is told before the handshake is complete.
  assertEquals([error.code, error.byPeer, error.reason], [0x0c, true, ""]);
  await eventually("the other connection to be there", () => served.conns.length === 1);
  await closeAll(client);
});

Deno.test("QuicListener.accept(), one after the other, is held up by no attempt whose answers get lost", async () => {
  await using server = new Server();
  await using relay = new Relay("127.0.0.2", server.port, { up: true, down: false });
  const paths = [{ local: "127.0.0.2", remote: relay.remote }, {
    local: "127.0.0.3",
    remote: `127.0.0.1:${server.port}`,
  }];
  for (let i = 0; i < 2; i += 1) {
    const beganAt = performance.now();
    const [client, served] = await server.pair({ paths });
    assertEquals(served.remoteAddr, client.paths[0]?.local);
    // Far below the handshake timeout.
    assert(performance.now() - beganAt < 8000);
    await closeAll(client);
  }
});

Deno.test("connectQuic() begins the next attempt at once when this machine does not have the address", async () => {
  await using server = new Server();
  const beganAt = performance.now();
  for (const paths of [["192.0.2.1", "127.0.0.1"], ["127.0.0.1", "192.0.2.1"]]) {
    const [client] = await server.pair({ paths: paths.map((local) => ({ local })) });
    assertEquals(client.paths.map(({ id, local }) => [id, local.hostname]), [[0, "127.0.0.1"]]);
    await closeAll(client);
  }
  assert(performance.now() - beganAt < 10_000);
});

Deno.test("connectQuic() fails with one error when nothing answers anywhere, and holds nothing then", async () => {
  await using server = new Server();
  await using relay = new Relay("127.0.0.2", server.port, NOTHING);
  await using endpoint = new QuicEndpoint({ hostname: "127.0.0.1" });
  const paths = [2, 3, 4].map((host) => ({ local: `127.0.0.${host}`, remote: relay.remote }));
  const stop = new AbortController();
  const connecting = server.connect({ paths, endpoint, signal: stop.signal });
  connecting.catch(() => {});
  await eventually("all to be tried", () => relay.received >= 3);
  stop.abort(new Error("enough"));
  await assertRejects(() => connecting, Error, "enough");
  await eventually("the sockets of the attempts to be closed", () => endpoint.addrs.length === 1);

  const transport = { handshakeTimeout: 700 };
  const error = await assertRejects(() => server.connect({ paths, endpoint, transport }), IdleTimeoutError);
  assert(error.message.includes("did not complete within"), error.message);
  await eventually("the sockets of the attempts to be closed", () => endpoint.addrs.length === 1);
});
