import { assertEquals, assertInstanceOf, assertMatch, assertStringIncludes } from "@std/assert";
import { authority, leaf, once, signingKey } from "../../crypto/tls/certificates_fixture_test.ts";
import { HandshakeError, TransportErrorCode } from "../../transport/base/errors.ts";
import type { ServerTls } from "../../transport/connection/options.ts";
import type { Incoming } from "../../transport/endpoint/incoming.ts";
import { WORLD_ALPN } from "../kit/endpoint_node.ts";
import { WORLD_TIME } from "../kit/identity.ts";
import { worldTls } from "./identities.ts";
import { Pair, type PairOptions } from "./pair.ts";
import { joined, Rogue } from "./rogue.ts";

/** Runs a handshake that must fail with this TLS alert at both ends; returns what each end says. */
function failing(
  alert: number,
  options: PairOptions,
): { readonly client: HandshakeError; readonly server: HandshakeError } {
  const pair = new Pair(options);
  pair.world.require("the end of both connections", () => {
    const server = pair.serverNode.connections[0];
    return pair.client.state === "closed" && server?.state === "closed";
  }, 5000);
  const { client, server } = pair;
  assertInstanceOf(client.error, HandshakeError);
  assertInstanceOf(server.error, HandshakeError);
  assertEquals([client.error.alert, server.error.alert], [alert, alert]);
  assertEquals([client.error.code, server.error.code], [0x100 + alert, 0x100 + alert]);
  assertEquals(client.error.byPeer !== server.error.byPeer, true);
  // One says why, the other learns of it: both in words.
  assertEquals(client.error.reason, server.error.reason);
  const closing = client.error.byPeer ? pair.serverTrace : pair.clientTrace;
  assertEquals(closing.frames("sent", "connection_close")[0]!.frame.application, false);
  for (const node of [pair.clientNode, pair.serverNode]) assertEquals(node.endpoint.connections.size, 0);
  assertEquals(pair.clientNode.driver(client).closed?.error, client.error);
  assertEquals(pair.serverNode.driver(server).closed?.error, server.error);
  return { client: client.error, server: server.error };
}

const chain = once(async () => {
  const root = await authority({ name: "CN=Other root" });
  const good = await leaf({ issuer: root, dns: ["world.test"] });
  const expired = await leaf({ issuer: root, dns: ["world.test"], to: "2026-12-01T00:00:00Z" });
  const other = await leaf({ issuer: root, dns: ["elsewhere.test"] });
  return { root, good, expired, other };
});

async function tlsOf(
  name: "good" | "expired" | "other",
): Promise<{ readonly tls: ServerTls; readonly roots: Uint8Array[] }> {
  const all = await chain();
  const issued = all[name];
  return {
    tls: { certificates: [issued.der, all.root.der], key: await signingKey(issued), alpnProtocols: [WORLD_ALPN] },
    roots: [all.root.der],
  };
}

Deno.test("Connection ends with no_application_protocol when both ends have no protocol in common", () => {
  const { server } = failing(120, { alpn: ["something-else"] });
  assertEquals(server.byPeer, false);
  assertMatch(server.message, /something-else/);
});

Deno.test("Connection completes with a chain by an authority that the client trusts", async () => {
  const { tls, roots } = await tlsOf("good");
  const pair = new Pair({ serverConfig: { tls }, tls: { roots } }).confirm();
  assertEquals(pair.client.peerCertificates.length, 2);
});

Deno.test("Connection ends with unknown_ca when nobody whom the client trusts made the certificate", async () => {
  const { tls } = await tlsOf("good");
  const { client, server } = failing(48, { serverConfig: { tls } });
  assertMatch(client.message, /certificate/i);
  assertMatch(server.message, /certificate/i);
  assertEquals(client.byPeer, false);
});

Deno.test("Connection ends with certificate_expired when the certificate is out of date", async () => {
  const { tls, roots } = await tlsOf("expired");
  const { client, server } = failing(45, { serverConfig: { tls }, tls: { roots, time: WORLD_TIME } });
  assertMatch(client.message, /certificate/i);
  assertMatch(server.message, /certificate/i);
});

Deno.test("Connection ends with bad_certificate when the certificate is for another name", async () => {
  const { tls, roots } = await tlsOf("other");
  const { client, server } = failing(42, { serverConfig: { tls }, tls: { roots } });
  assertMatch(client.message, /certificate.*world\.test.*elsewhere\.test/i);
  assertMatch(server.message, /certificate/i);
});

Deno.test("Connection ends with decrypt_error when the server does not have the certificate's key", async () => {
  const { tls } = await tlsOf("good");
  const world = worldTls();
  // An Ed25519 certificate with the key of another one, of another kind: the signature cannot fit.
  const { client } = failing(51, { serverConfig: { tls: { ...world, key: tls.key } } });
  assertEquals(client.byPeer, false);
});

const OTHER_ID = Uint8Array.of(9, 8, 7, 6, 5, 4, 3, 2);

/** A server that lies about ids: what it remembers of the client's first packet is changed. */
function lyingServer(options: PairOptions, lie: (incoming: Incoming) => Partial<Incoming>): Pair {
  const pair: Pair = new Pair({
    ...options,
    onIncoming: (incoming, endpoint, now) => {
      if (options.serverConfig?.retry && !incoming.validated) return endpoint.retry(incoming, now);
      const { local, remote, version, validated, datagram, destinationId, sourceId, originalDestination } = incoming;
      const told = {
        later: [],
        local,
        remote,
        version,
        validated,
        datagram,
        destinationId,
        sourceId,
        originalDestination,
      };
      const answer = (): void => incoming.answer();
      pair.serverNode.accept({ ...told, answer, ...lie(incoming) } as unknown as Incoming, now);
    },
  });
  return pair;
}

function assertParameterError(pair: Pair, who: "client" | "server", parameter: string): void {
  pair.world.require(
    `the ${who}'s refusal`,
    () => pair.serverNode.connections.length > 0 && pair[who].error !== undefined,
    2000,
  );
  const error = pair[who].error!;
  assertEquals(error.code, TransportErrorCode.TRANSPORT_PARAMETER_ERROR);
  assertEquals(error.byPeer, false);
  assertStringIncludes(error.message, parameter);
  const trace = who === "client" ? pair.clientTrace : pair.serverTrace;
  assertEquals(trace.frames("sent", "connection_close")[0]!.frame.code, TransportErrorCode.TRANSPORT_PARAMETER_ERROR);
}

Deno.test("Connection refuses a server with another original_destination_connection_id (RFC 9000 §7.3)", () => {
  const pair = lyingServer({}, () => ({ originalDestination: OTHER_ID }));
  assertParameterError(pair, "client", "original_destination_connection_id");
  pair.world.runFor(100);
  assertEquals(pair.server.error!.code, TransportErrorCode.TRANSPORT_PARAMETER_ERROR);
  assertEquals(pair.server.error!.byPeer, true);
});

Deno.test("Connection refuses a server that speaks of a Retry which there was not", () => {
  const pair = lyingServer({}, ({ destinationId }) => ({ originalDestination: destinationId }));
  assertParameterError(pair, "client", "retry_source_connection_id");
});

Deno.test("Connection refuses a server that does not know of its own Retry", () => {
  const pair = lyingServer({ serverConfig: { retry: true } }, () => ({ originalDestination: undefined }));
  assertParameterError(pair, "client", "original_destination_connection_id");
});

Deno.test("Connection refuses a client whose source id was changed on the way", () => {
  const pair = new Pair();
  pair.link.up.tap = ({ data }) => {
    const [packet] = new Rogue(pair, "server").open(data.slice());
    if (packet === undefined) return "drop";
    data.set(new Rogue(pair, "client").seal({ ...packet, level: "initial", path: 0, sourceId: OTHER_ID }));
    return "pass";
  };
  assertParameterError(pair, "server", "initial_source_connection_id");
});

Deno.test("Connection refuses a server whose source id was changed on the way", () => {
  const pair = new Pair();
  pair.link.down.tap = ({ data }) => {
    const rogue = new Rogue(pair, "server");
    const packets = new Rogue(pair, "client").open(data.slice());
    data.set(joined(packets.map((packet) => rogue.seal({ ...packet, sourceId: OTHER_ID }))));
    return "pass";
  };
  assertParameterError(pair, "client", "initial_source_connection_id");
});
