/**
 * Row 134 of the checklist in `multipath-spec.md` §8: nobody sends 2^53 packets, so the parts of a connection are put together
 * without their shell and told that they had.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fastestProvider } from "../../crypto/mod.ts";
import { decodePem } from "../../crypto/tls/mod.ts";
import { MAX_PACKET_NUMBER } from "../../recovery/packet_number_space.ts";
import { SentPacket } from "../../recovery/sent_packet.ts";
import type { Address } from "../../transport/base/address.ts";
import { TransportErrorCode } from "../../transport/base/errors.ts";
import { assemble, type Parts } from "../../transport/connection/assemble.ts";
import type { CommonOptions } from "../../transport/connection/options.ts";
import { LEVEL_INDEX } from "../../transport/paths/route.ts";
import { parseHeader } from "../../transport/wire/header.ts";
import { WORLD_ALPN } from "../kit/endpoint_node.ts";
import { WORLD_CERTIFICATE, WORLD_KEY, WORLD_NAME, WORLD_TIME } from "../kit/identity.ts";
import { Random } from "../kit/random.ts";

const CLIENT: Address = { hostname: "10.0.0.1", port: 50_000 };
const SERVER: Address = { hostname: "192.0.2.1", port: 443 };

/** The parts of both ends, on a network that takes no time. */
class Naked {
  readonly client: Parts;
  server: Parts | undefined;
  now = 0;
  readonly #buffer = new Uint8Array(65_536);

  constructor() {
    const roots = decodePem(WORLD_CERTIFICATE, "CERTIFICATE");
    const tls = { serverName: WORLD_NAME, alpnProtocols: [WORLD_ALPN], roots, time: WORLD_TIME };
    this.client = assemble({ ...common(CLIENT, SERVER, 1), role: "client", tls });
  }

  /** What an end sends now, datagram by datagram. */
  sentBy(end: Parts): Uint8Array[] {
    const sent: Uint8Array[] = [];
    for (let t = end.transmitter.transmit(this.now, this.#buffer); t !== undefined;) {
      for (let at = 0; at < t.length; at += t.segment) {
        sent.push(this.#buffer.slice(at, Math.min(at + t.segment, t.length)));
      }
      t = end.transmitter.transmit(this.now, this.#buffer);
    }
    return sent;
  }

  /** Exchanges datagrams until something holds. */
  until(what: string, holds: () => boolean): void {
    for (let round = 0; round < 50; round++) {
      if (holds()) return;
      for (const data of this.sentBy(this.client)) {
        this.server ??= this.#accept(data);
        this.server.receiver.receive({ data, local: SERVER, remote: CLIENT, ecn: "not-ect" }, this.now);
      }
      for (const data of this.server === undefined ? [] : this.sentBy(this.server)) {
        this.client.receiver.receive({ data, local: CLIENT, remote: SERVER, ecn: "not-ect" }, this.now);
      }
      this.now += 30;
    }
    throw new Error(`Nothing more happens: expected ${what}`);
  }

  #accept(first: Uint8Array): Parts {
    const header = parseHeader(first, 0, first.length, 8);
    const certificates = decodePem(WORLD_CERTIFICATE, "CERTIFICATE");
    return assemble({
      ...common(SERVER, CLIENT, 2),
      role: "server",
      tls: { certificates, key: fastestProvider().signingKey(WORLD_KEY), alpnProtocols: [WORLD_ALPN] },
      initialDestination: header.destinationId.slice(),
      clientSource: header.sourceId.slice(),
      addressValidated: false,
    });
  }
}

function common(local: Address, remote: Address, seed: number): CommonOptions {
  const random = new Random(seed);
  return {
    local,
    remote,
    provider: fastestProvider(),
    random: (into) => random.fill(into),
    idLength: 8,
    registry: { add: () => {}, remove: () => {} },
    resetTokenFor: (id) => new Uint8Array(16).fill(id[0]!),
    now: 0,
  };
}

for (const [level, path] of [["initial", 0], ["application", 0], ["application", 1]] as const) {
  Deno.test(`row 134: a connection whose ${level} packets of path ${path} run out of numbers ends without another`, () => {
    const pair = new Naked();
    const { client } = pair;
    if (level === "application") pair.until("confirmation", () => client.lifecycle.isConfirmed);
    if (path > 0) {
      const properties = { label: "", cost: 0, metered: false };
      client.manager.open({ local: CLIENT, remote: SERVER, properties, status: "available" }, pair.now);
      pair.until("a second path", () => client.paths.get(1)?.state === "usable");
    }
    pair.sentBy(client);
    const { route } = client.paths.get(path)!;
    const { sent } = client.spaces.get(level, path)!;
    sent.add(new SentPacket(MAX_PACKET_NUMBER - 1, route.number, pair.now, 50, false, false, []));
    sent.ack([MAX_PACKET_NUMBER - 1, MAX_PACKET_NUMBER - 1]);
    route.probes[LEVEL_INDEX[level]] = 1;
    assertEquals(pair.sentBy(client).length, 1, "the last number may be used");
    assertEquals(sent.nextNumber, MAX_PACKET_NUMBER + 1);
    if (level === "application") assertEquals(client.lifecycle.state, "connected");
    route.probes[LEVEL_INDEX[level]] = 1;
    assertEquals(pair.sentBy(client), []);
    assertEquals([client.lifecycle.state, client.lifecycle.error?.code], [
      "closed",
      TransportErrorCode.INTERNAL_ERROR,
    ]);
    assert(client.context.events.next() !== undefined || client.context.events.takeClosed() !== undefined);
  });
}
