/**
 * What a new path carries is asked along with its validation (RFC 9000 §8.2): its first data goes in full packets, and the
 * first window is made of them (RFC 9002 §7.2).
 *
 * @module
 */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { bulk, Requests } from "../kit/apps.ts";
import { Paths, type PathsOptions } from "./paths.ts";
import { holds, Wire } from "./wire.ts";

/** What a full packet carries by default, and what it does before that is known. */
const [FULL, BASE] = [1452, 1200];

function download(options: PathsOptions = {}): { paths: Paths; wire: Wire; load: Requests } {
  const load = new Requests(bulk("down", 3_000_000));
  const links = [{ delayMs: 10, rateMbps: 10 }, { delayMs: 60, rateMbps: 10 }];
  const paths = new Paths({ links, ...options, clientApps: [load.client], serverApps: [load.server], open: [1] });
  return { paths, wire: new Wire(paths), load };
}

Deno.test("Connection knows the MTU of a new path when the first window of data goes out on it", () => {
  const { paths, wire, load } = download();
  paths.ready();
  paths.world.require("the transfer", () => load.isDone);
  const data = wire.on("server", 1).filter((packet) => holds(packet, "stream"));
  const [first] = data;
  // The rest of the first window follows as soon as the MTU is known: within the time that its first packets take.
  const flight = data.filter((packet) => packet.in.at < first!.in.at + 60);
  assertEquals(Math.max(...flight.map((packet) => packet.in.size)), FULL);
  assertGreater(flight.reduce((sum, packet) => sum + packet.in.size, 0), 10 * BASE + FULL);
});

Deno.test("Connection: a server stays within three times what came while it asks a new path for its MTU", () => {
  const { paths, wire } = download();
  // The client's answers are lost: the path is never validated.
  wire.verdict = ({ sender, link, packets }) => {
    return link === 1 && sender === "client" && packets.some((p) => holds(p, "path_response")) ? "drop" : "pass";
  };
  paths.world.require("the handshake", () => paths.client.isConfirmed);
  paths.open(1);
  paths.world.runFor(3000);
  const sizes = (sender: "client" | "server"): number =>
    wire.datagrams.filter((datagram) => datagram.link === 1 && datagram.sender === sender)
      .reduce((sum, { size }) => sum + size, 0);
  assertGreater(sizes("server"), 0);
  assertLess(sizes("server"), 3 * sizes("client") + 1);
  assertEquals(wire.on("server", 1).filter((packet) => holds(packet, "stream")), []);
});

Deno.test("Connection validates and uses a path that carries no more than 1200 bytes at once, too", () => {
  const links = [{ delayMs: 10, rateMbps: 10 }, { delayMs: 60, rateMbps: 10, mtu: BASE + 28 }];
  const { paths, wire, load } = download({ links });
  paths.ready();
  assertLess(paths.world.now, 400);
  paths.world.require("the transfer", () => load.isDone);
  assertEquals(paths.server.stats().paths[1]!.mtu, BASE);
  assertGreater(wire.on("server", 1).filter((packet) => holds(packet, "stream")).length, 100);
});
