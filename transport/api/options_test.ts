import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { WORLD_CERTIFICATE, WORLD_KEY } from "../../tests/kit/identity.ts";
import { connectQuic } from "./connect.ts";
import { QuicEndpoint } from "./endpoint.ts";
import { transportConfig } from "./options.ts";
import type { ConnectQuicOptions, QuicListenOptions } from "./types.ts";

const OTHER_KEY = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
`;

Deno.test("transportConfig() translates Deno's names, and those win over the rest", () => {
  const config = transportConfig({
    keepAliveInterval: 1000,
    maxIdleTimeout: 2000,
    maxConcurrentBidirectionalStreams: 3,
    maxConcurrentUnidirectionalStreams: 4,
    congestionControl: "low-latency",
    transport: { maxIdleTimeout: 9, initialRtt: 50 },
  });
  assertEquals(config, {
    keepAlive: 1000,
    maxIdleTimeout: 2000,
    maxBidirectionalStreams: 3,
    maxUnidirectionalStreams: 4,
    congestion: "newreno",
    initialRtt: 50,
  });
  assertEquals(transportConfig({}), {});
});

Deno.test("transportConfig() names the option that is wrong", () => {
  assertThrows(() => transportConfig({ keepAliveInterval: -1 }), RangeError, '"keepAliveInterval" is -1');
  assertThrows(() => transportConfig({ maxIdleTimeout: NaN }), RangeError, '"maxIdleTimeout" is NaN');
  const unknown = { congestionControl: "bbr9" } as unknown as Parameters<typeof transportConfig>[0];
  assertThrows(() => transportConfig(unknown), TypeError, '"congestionControl" is "bbr9"');
  assertThrows(() => transportConfig({ transport: { initialRtt: 0 } }), RangeError, '"initialRtt" is 0');
});

Deno.test("connectQuic() and listen() want options", async () => {
  const nothing = undefined as unknown as ConnectQuicOptions & QuicListenOptions;
  await assertRejects(() => connectQuic(nothing), TypeError, "Options are undefined: expected an object");
  await using endpoint = new QuicEndpoint({ hostname: "127.0.0.1" });
  assertThrows(() => endpoint.listen(nothing), TypeError, "Options are undefined: expected an object");
});

Deno.test("connectQuic() names the option that is wrong", async () => {
  const good = { hostname: "127.0.0.1", port: 443, alpnProtocols: ["x"] };
  const fails = async (bad: Record<string, unknown>, type: ErrorConstructor, message: string): Promise<void> => {
    await assertRejects(() => connectQuic({ ...good, ...bad } as unknown as ConnectQuicOptions), type, message);
  };
  await fails({ hostname: "" }, TypeError, '"hostname"');
  await fails({ hostname: 7 }, TypeError, '"hostname" is 7');
  await fails({ port: 0 }, RangeError, '"port" is 0');
  await fails({ port: 65_536 }, RangeError, '"port" is 65536');
  await fails({ port: "443" }, RangeError, '"port" is 443');
  await fails({ alpnProtocols: [] }, TypeError, '"alpnProtocols" is empty');
  await fails({ alpnProtocols: undefined }, TypeError, '"alpnProtocols" is undefined: expected a list');
  await fails({ alpnProtocols: "x" }, TypeError, '"alpnProtocols" is "x": expected a list of names');
  await fails({ caCerts: WORLD_CERTIFICATE }, TypeError, '"caCerts" is no list: expected a list of texts in PEM');
  await fails({ paths: {} }, TypeError, '"paths" is an object: expected "auto" or a list');
  await fails({ keepAliveInterval: "5" }, RangeError, '"keepAliveInterval" is "5": expected a number');
  await fails({ transport: { hints: "no" } }, TypeError, '"hints" is "no": expected true or false');
  await fails({ transport: { toString: 1 } }, TypeError, '"toString" is not a setting');
  await fails({ alpnProtocols: ["a".repeat(256)] }, TypeError, '"alpnProtocols" holds');
  await fails({ caCerts: ["nothing"] }, TypeError, '"caCerts" holds no certificate');
  await fails(
    { caCerts: [WORLD_CERTIFICATE, "-----BEGIN CERTIFICATE-----"] },
    TypeError,
    '"caCerts"[1] cannot be read',
  );
  await fails({ serverName: "" }, TypeError, '"serverName"');
  await fails({ endpoint: {} }, TypeError, '"endpoint"');
});

Deno.test("QuicEndpoint.listen() names the option that is wrong", async () => {
  await using endpoint = new QuicEndpoint({ hostname: "127.0.0.1" });
  const good = { cert: WORLD_CERTIFICATE, key: WORLD_KEY, alpnProtocols: ["x"] };
  const fails = (bad: Record<string, unknown>, message: string): void => {
    assertThrows(() => endpoint.listen({ ...good, ...bad } as unknown as QuicListenOptions), TypeError, message);
  };
  fails({ cert: "" }, '"cert"');
  fails({ cert: "no pem" }, '"cert" holds no certificate');
  fails({ key: undefined }, '"key"');
  fails({ key: "no pem" }, '"key" cannot be read');
  fails({ key: OTHER_KEY }, "does not belong to the certificate");
  fails({ alpnProtocols: [""] }, '"alpnProtocols"');
  endpoint.listen(good).stop();
  endpoint.listen(good);
  assertThrows(() => endpoint.listen(good), Error, "listens already");
  endpoint.close();
  assertThrows(() => endpoint.listen(good), Error, "endpoint is closed");
});

Deno.test("QuicEndpoint() names the option that is wrong, and leaves nothing open", async () => {
  assertThrows(() => new QuicEndpoint({ hostname: "127.0.0.1", port: -1 }), RangeError, '"port" is -1');
  assertThrows(() => new QuicEndpoint({ addresses: [{ hostname: "127.0.0.1" }, { hostname: "192.0.2.1" }] }), Error);
  const endpoint = new QuicEndpoint({ addresses: [] });
  assertEquals(endpoint.addrs, []);
  endpoint.close();
  await endpoint.closed;
});
