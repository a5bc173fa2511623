import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { fastestProvider } from "../../crypto/mod.ts";
import type { CryptoProvider, GroupName } from "../../crypto/provider.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { WORLD_ALPN } from "../kit/endpoint_node.ts";
import { largeTls } from "./identities.ts";
import { Pair, type PairOptions } from "./pair.ts";

/** Protocol names that make a ClientHello longer than two datagrams. */
const MANY_PROTOCOLS = [
  ...Array.from({ length: 60 }, (_, i) => `protocol ${i} with quite a long name indeed`),
  WORLD_ALPN,
];

function withGroups(groups: readonly GroupName[]): CryptoProvider {
  return Object.create(fastestProvider(), { groups: { value: groups } }) as CryptoProvider;
}

function transfer(options: PairOptions, what: string, limit = 9000): Pair {
  const load = new Requests(bulk("both", 20_000), { startOn: "connected" });
  const pair = new Pair({ ...options, clientApps: [load.client], serverApps: [load.server] });
  pair.world.require(`the transfer ${what}`, () => load.isDone && pair.client.isConfirmed, limit);
  assertEquals(pair.serverNode.connections.length, 1);
  return pair;
}

Deno.test("Connection sends a ClientHello in several Initials, and any of them may be lost, doubled or late", () => {
  const options: PairOptions = { alpn: MANY_PROTOCOLS };
  const pair = transfer(options, "with a long ClientHello");
  const first = pair.clientTrace.filter("quic:packet_sent", (d, now) => d.header.type === "initial" && now === 0);
  assertEquals(first.length, 3);
  for (let number = 1; number <= 6; number++) {
    transfer({ ...options, link: { up: { drop: [number] } } }, `without datagram ${number} up`);
    transfer({ ...options, link: { down: { drop: [number] } } }, `without datagram ${number} down`);
    transfer({ ...options, link: { up: { duplicate: [number] } } }, `with datagram ${number} doubled`);
    const load = new Requests(bulk("both", 20_000), { startOn: "connected" });
    const late = new Pair({ ...options, clientApps: [load.client], serverApps: [load.server] });
    late.link.up.tap = (datagram) => datagram.number === number ? { delay: 20 } : "pass";
    late.world.require(`the transfer with datagram ${number} late`, () => load.isDone, 3000);
    assertLess(late.world.now, 300);
  }
});

Deno.test("Connection sends a long ClientHello again after a Retry, with the token in each part", () => {
  const options: PairOptions = { alpn: MANY_PROTOCOLS, serverConfig: { retry: true } };
  for (let number = 0; number <= 8; number++) {
    transfer({ ...options, link: { up: { drop: number > 0 ? [number] : [] } } }, `without datagram ${number} up`);
  }
});

Deno.test("Endpoint keeps the rest of a long ClientHello while its client waits", () => {
  const pair: Pair = new Pair({
    alpn: MANY_PROTOCOLS,
    onIncoming: (incoming, _endpoint, now) => pair.world.at(now + 100, (at) => pair.serverNode.accept(incoming, at)),
  });
  pair.confirm();
  assertLess(pair.world.now, 250);
});

Deno.test("Connection follows a HelloRetryRequest, whatever is lost", () => {
  const options: PairOptions = {
    provider: withGroups(["x25519", "secp256r1"]),
    serverEndpoint: { provider: withGroups(["secp256r1"]) },
  };
  const pair = transfer(options, "with another group");
  // ClientHello, HelloRetryRequest, ClientHello: one round trip more.
  assertGreater(pair.clientTrace.frames("sent", "crypto").filter((f) => f.header.type === "initial").length, 1);
  for (let number = 1; number <= 6; number++) {
    transfer({ ...options, link: { up: { drop: [number] } } }, `without datagram ${number} up`);
    transfer({ ...options, link: { down: { drop: [number] } } }, `without datagram ${number} down`);
  }
});

Deno.test("Connection completes with all at once: Retry, HelloRetryRequest, long chain, loss", () => {
  for (let seed = 1; seed <= 15; seed++) {
    transfer(
      {
        seed,
        provider: withGroups(["x25519", "secp256r1"]),
        serverEndpoint: { provider: withGroups(["secp256r1"]) },
        alpn: MANY_PROTOCOLS,
        serverConfig: { retry: true, tls: largeTls(20) },
        link: { lossPercent: 10, jitterMs: 10, reorder: true, duplicatePercent: 10 },
        client: { handshakeTimeout: 60_000 },
        server: { handshakeTimeout: 60_000 },
      },
      `with seed ${seed}`,
      60_000,
    );
  }
});

Deno.test("Connection completes over links of any delay, from none to two seconds", () => {
  for (const delayMs of [0, 0.1, 1, 100, 400, 1000, 2000]) {
    const timeouts = { handshakeTimeout: 60_000, maxIdleTimeout: 120_000 };
    const pair = transfer(
      { link: { delayMs, rateMbps: null }, client: timeouts, server: timeouts },
      `at ${delayMs} ms`,
      60_000,
    );
    assertLess(pair.world.now, 1000 + 14 * delayMs);
  }
});
