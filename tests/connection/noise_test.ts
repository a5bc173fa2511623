import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { initialSecrets } from "../../crypto/initial_keys.ts";
import { PacketProtection } from "../../crypto/packet_protection.ts";
import { AES_128_GCM } from "../../crypto/suites.ts";
import { DEFAULT_RETRY_ABOVE } from "../../transport/endpoint/config.ts";
import { patchLength, writeLongHeader } from "../../transport/wire/header.ts";
import { Writer } from "../../transport/wire/writer.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { Random } from "../kit/random.ts";
import { CLIENT_ADDRESS, Pair, type PairOptions, SERVER_ADDRESS } from "./pair.ts";

/** Datagrams of noise while one file is on its way. */
const NOISE = 4000;

function bytes(random: Random, length: number): Uint8Array {
  const into = new Uint8Array(length);
  random.fill(into);
  return into;
}

/** The header of a first Initial with random ids; the rest of 1200 bytes is random. */
function wellFormed(random: Random): { readonly data: Uint8Array; readonly id: Uint8Array; readonly numberAt: number } {
  const data = bytes(random, 1200);
  const id = bytes(random, 8 + random.int(13));
  const w = new Writer(data);
  const { lengthAt, numberAt } = writeLongHeader(w, {
    type: "initial",
    version: 1,
    destinationId: id,
    sourceId: bytes(random, random.int(21)),
    token: bytes(random, random.int(3) === 0 ? 40 : 0),
    number: 0,
    numberLength: 2,
  });
  patchLength(data, lengthAt, 1200 - numberAt);
  return { data, id, numberAt };
}

/** Any bytes of any length; now and then with the first byte of a packet of version 1. */
function garbage(random: Random): Uint8Array {
  const data = bytes(random, 1 + random.int(1452));
  if (random.int(2) === 0) data.set([0xc0 | random.int(64), 0, 0, 0, 1].slice(0, data.length));
  return data;
}

/** An Initial that opens, with random bytes in the place of frames, or of a ClientHello. */
function sealed(random: Random, pair: Pair): Uint8Array {
  const { data, id, numberAt } = wellFormed(random);
  const at = numberAt + 2;
  const kind = random.int(3);
  // CRYPTO with random handshake bytes; PING and PADDING; or whatever comes.
  if (kind === 0) data.set([0x06, 0x00, 0x44, 0x00], at);
  if (kind === 1) data.fill(0, at).set([0x01], at);
  const keys = new PacketProtection(pair.provider, AES_128_GCM, initialSecrets(pair.provider, id).client);
  keys.seal(data, 0, numberAt, 2, 1184, 0, 0);
  return data;
}

/** Lets an honest client download while noise comes to the server from many addresses. */
function download(make: (random: Random, pair: Pair, n: number) => Uint8Array, options: PairOptions = {}): Pair {
  const load = new Requests(bulk("down", 2_000_000));
  const pair = new Pair({ ...options, clientApps: [load.client], serverApps: [load.server] });
  const random = pair.world.random.fork("noise");
  for (let n = 0; n < NOISE; n++) {
    pair.world.at(n / 4, (now) => {
      const remote = { hostname: `198.51.100.${n & 255}`, port: 1024 + n };
      const data = make(random, pair, n);
      pair.serverNode.receive({ data, local: SERVER_ADDRESS, remote, ecn: "not-ect" }, now);
    });
  }
  pair.world.require("the download", () => load.isDone, 20_000);
  assertGreater(pair.world.now, NOISE / 8);
  assertEquals(pair.client.state, "connected");
  pair.world.runFor(20_000);
  // Of the noise nothing is left.
  assertEquals(pair.serverNode.endpoint.connections.size, 1);
  return pair;
}

Deno.test("Endpoint serves an honest client while garbage comes in", () => {
  const pair = download(garbage);
  assertEquals(pair.serverNode.connections.length, 1);
});

Deno.test("Endpoint serves an honest client while Initials come in that do not open; none makes a connection", () => {
  const pair = download((random) => wellFormed(random).data);
  assertEquals(pair.serverNode.connections.length, 1);
  assertEquals(pair.serverTrace.count("quic:packet_dropped", (d) => d.reason === "decryption_failure"), NOISE);
});

Deno.test("Endpoint serves an honest client while Initials come in that open, and mean nothing", () => {
  const pair = download(sealed);
  const { connections } = pair.serverNode;
  // Until there are so many at once that all who come must prove their address.
  assertGreater(connections.length, DEFAULT_RETRY_ABOVE);
  for (const connection of connections) assert(connection.isConfirmed || connection.error !== undefined);
  assertEquals(connections.filter((connection) => connection.isConfirmed).length, 1);
});

Deno.test("Endpoint under such a flood asks new clients for proof, and keeps to its limit", () => {
  const limits = { retryAbove: 100, maxHandshakes: 200 };
  let most = 0;
  // These stay half open: a PING is no ClientHello.
  const pair = download((random, pair) => {
    most = Math.max(most, pair.serverNode.endpoint.connections.size);
    const { data, id, numberAt } = wellFormed(random);
    data.fill(0, numberAt + 2).set([0x01], numberAt + 2);
    const keys = new PacketProtection(pair.provider, AES_128_GCM, initialSecrets(pair.provider, id).client);
    keys.seal(data, 0, numberAt, 2, 1184, 0, 0);
    return data;
  }, { serverConfig: limits });
  assertLess(most, 103);
  assertEquals(pair.serverTrace.count("quic:packet_dropped", (d) => d.reason === "server_busy"), 0);
});

Deno.test("Endpoint serves an honest client while strangers use its address and the server's ids", () => {
  const pair: Pair = download((random, pair, n) => {
    const data = garbage(random);
    const id = pair.serverTrace.first("quic:connection_started")?.data.sourceId;
    if (id !== undefined && data.length > 30) {
      data[0] = 0x40 | data[0]! & 0x3f;
      data.set(id, 1);
    }
    if (n % 2 === 0) {
      pair.serverNode.receive({ data, local: SERVER_ADDRESS, remote: CLIENT_ADDRESS, ecn: "not-ect" }, pair.world.now);
    }
    return data;
  });
  assertEquals(pair.server.error, undefined);
});
