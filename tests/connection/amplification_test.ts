import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { largeTls } from "./identities.ts";
import { CLIENT_ADDRESS, Pair, type PairOptions, SERVER_ADDRESS } from "./pair.ts";

/** More than what may be sent for one datagram of 1200 bytes. */
const MANY = 30;

/** A pair whose server has much to say, and a check of what it sends against what it got, datagram by datagram. */
function watched(options: PairOptions): { readonly pair: Pair; readonly ratio: () => number } {
  const pair = new Pair({ serverConfig: { tls: largeTls(MANY) }, ...options });
  let [received, sent, highest] = [0, 0, 0];
  const { receive } = pair.serverNode;
  pair.serverNode.receive = (datagram, now) => {
    received += datagram.data.length;
    receive.call(pair.serverNode, datagram, now);
  };
  pair.world.onSend = (_link, direction, data) => {
    if (direction !== "down") return;
    const validated =
      pair.serverTrace.first("quic:packet_received", (d) => d.header.type === "handshake") !== undefined;
    if (validated) return;
    sent += data.length;
    highest = Math.max(highest, sent / received);
    assert(sent <= 3 * received, `${sent} bytes were sent for ${received}`);
  };
  return { pair, ratio: () => highest };
}

Deno.test("Connection sends at most three times what came from an address that is not validated (RFC 9000 §8.1)", () => {
  const { pair, ratio } = watched({});
  pair.confirm();
  assertGreater(ratio(), 2.9);
});

Deno.test("Connection stays within the limit whatever is lost", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { pair } = watched({
      seed,
      link: { lossPercent: 25 },
      server: { handshakeTimeout: 60_000 },
      client: { handshakeTimeout: 60_000 },
    });
    pair.confirm(60_000);
  }
});

Deno.test("Connection stays within the limit when all that the client says is lost but its first datagram", () => {
  const { pair, ratio } = watched({});
  pair.link.up.tap = ({ number }) => number === 1 ? "pass" : "drop";
  pair.world.runFor(20_000);
  assertEquals(pair.server.state, "closed");
  assertEquals(ratio(), 3);
});

Deno.test("Connection gets out of the deadlock by the client's probes (RFC 9002 §6.2.2.1)", () => {
  // All that the server may send before it hears more is lost: it must not send, and the client has nothing to send.
  const { pair } = watched({ link: { down: { drop: [1, 2, 3] } } });
  pair.confirm();
  assertLess(pair.world.now, 2500);
});

Deno.test("Connection probes at the client although nothing of its own is in flight", () => {
  // The server's first datagram gets through and acknowledges all that the client sent; the rest of what it may send, and
  // the client's ACK, which would prove its address, do not.
  const { pair } = watched({ link: { down: { drop: [2, 3] }, up: { drop: [2] } } });
  pair.world.runFor(40);
  const acked = pair.clientTrace.count("quic:packets_acked", (d) => d.level === "initial");
  assertEquals(acked, 1);
  const before = pair.clientTrace.count("quic:packet_sent");
  pair.world.runFor(1500);
  const probes = pair.clientTrace.filter("quic:packet_sent").slice(before);
  assertGreater(probes.length, 0);
  const [first] = probes;
  // With Handshake keys it probes there, which validates its address.
  assertEquals(first!.data.header.type, "handshake");
  assert(first!.data.frames.some((frame) => frame.kind === "ping"));
  pair.confirm();
});

Deno.test("Connection probes at the client with padded Initials while it has no Handshake keys", () => {
  const { pair } = watched({ link: { down: { dead: true } } });
  const sizes: number[] = [];
  const { onSend } = pair.world;
  pair.world.onSend = (link, direction, data, now) => {
    if (direction === "up") sizes.push(data.length);
    onSend?.(link, direction, data, now);
  };
  pair.world.runFor(9000);
  assertGreater(sizes.length, 5);
  assertEquals(new Set(sizes), new Set([1200]));
  // Backed off: 999 ms, then twice, then four times as long.
  const times = pair.clientTrace.filter("quic:loss_timer_updated", (d) => d.action === "expired").map((e) => e.now);
  assertEquals(times, [999, 999 * 3, 999 * 7]);
});

Deno.test("Connection does not arm a server's probe timer while nothing may be sent", () => {
  const { pair } = watched({});
  pair.link.up.tap = ({ number }) => number === 1 ? "pass" : "drop";
  pair.world.runFor(9000);
  pair.serverTrace.assertNone("quic:loss_timer_updated", (_d, now) => now > 100);
  // The handshake timeout is all that is left.
  assertGreater(pair.server.nextTimeout(), 9900);
});

Deno.test("Connection counts datagrams that cannot be read, and lifts the limit with the first Handshake packet", () => {
  const { pair } = watched({});
  let handed = 0;
  pair.link.up.tap = ({ number, data }) => {
    // The second datagram of the client is damaged behind its header.
    if (number === 2) data.fill(0, 60);
    handed = number;
    return "pass";
  };
  pair.confirm();
  assertGreater(handed, 2);
});

Deno.test("Connection copes with any rest of the limit, however long the ids and odd the sizes", () => {
  for (const idLength of [8, 20]) {
    for (let extra = 0; extra <= 45; extra++) {
      const { pair } = watched({ clientEndpoint: { idLength }, serverEndpoint: { idLength } });
      // What the client sends is followed by bytes that mean nothing.
      pair.link.up.tap = ({ number, data }) => {
        const longer = new Uint8Array(data.length + extra);
        longer.set(data);
        const arrive = (now: number): void =>
          pair.serverNode.receive({ data: longer, local: SERVER_ADDRESS, remote: CLIENT_ADDRESS, ecn: "not-ect" }, now);
        if (number !== 2) pair.world.after(15, arrive);
        return "drop";
      };
      pair.confirm();
    }
  }
});
