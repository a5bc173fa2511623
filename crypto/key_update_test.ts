import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { KeyError } from "./key_error.ts";
import { KeyRing } from "./key_ring.ts";
import { nobleProvider } from "./noble_provider.ts";
import type { CipherSuite, CryptoProvider } from "./provider.ts";
import { AES_128_GCM, CHACHA20_POLY1305 } from "./suites.ts";

const CLIENT_SECRET = new Uint8Array(32).fill(1);
const SERVER_SECRET = new Uint8Array(32).fill(2);
const DELAY = 300;
const SIZE = 20;

interface Packet {
  readonly path: number;
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** One end of a connection, with packet numbers for its paths. */
class End {
  readonly ring: KeyRing;
  readonly #next = new Map<number, number>();

  constructor(side: "client" | "server", suite: CipherSuite = CHACHA20_POLY1305, ring?: KeyRing) {
    this.ring = ring ?? new KeyRing(nobleProvider());
    if (ring !== undefined) return;
    const [own, peers] = side === "client" ? [CLIENT_SECRET, SERVER_SECRET] : [SERVER_SECRET, CLIENT_SECRET];
    this.ring.install("application", "write", suite, own);
    this.ring.install("application", "read", suite, peers);
    this.ring.onHandshakeConfirmed();
  }

  send(path = 0, number = this.#next.get(path) ?? 0): Packet {
    this.#next.set(path, number + 1);
    const bytes = new Uint8Array(SIZE + 16);
    bytes.set([0x43, 0, number >> 16, number >> 8, number, 7, 7, 7]);
    this.ring.seal("application", bytes, 0, 1, 4, SIZE, path, number);
    return { path, number, bytes };
  }

  receive(packet: Packet): string {
    const buffer = packet.bytes.slice();
    const length = this.ring.unprotect("application", buffer, 0, 1, buffer.length);
    assertEquals(length, 4, "header protection does not change with key updates");
    assertEquals(this.ring.truncatedNumber, packet.number);
    const { keyPhase } = this.ring;
    this.ring.open("application", buffer, 0, 5, buffer.length, packet.path, packet.number, keyPhase);
    return this.ring.outcome;
  }
}

function pair(suite?: CipherSuite): { client: End; server: End } {
  return { client: new End("client", suite), server: new End("server", suite) };
}

/** A packet there and its acknowledgement back, on one path. */
function roundTrip(from: End, to: End, now: number, path = 0): void {
  const packet = from.send(path);
  to.receive(packet);
  from.receive(to.send(path));
  from.ring.onAcknowledged(path, packet.number, now);
}

/** A client after that many updates, whose packets on all paths but 99 are yet to come. */
function clientAt(generation: number): End {
  const { client, server } = pair();
  roundTrip(client, server, 0, 99);
  while (client.ring.generation < generation) {
    assert(client.ring.update(0, 0));
    roundTrip(client, server, 0, 99);
  }
  return client;
}

Deno.test("update(): both ends go on with new keys, in both directions", () => {
  const { client, server } = pair();
  roundTrip(client, server, 0);
  assertEquals(client.ring.update(DELAY, 0), true);
  assertEquals(client.ring.generation, 1);
  assertEquals(server.receive(client.send()), "key_update");
  assertEquals(server.ring.generation, 1, "the peer's write keys follow before its next packet");
  assertEquals(client.receive(server.send()), "key_update");
  assertEquals(server.receive(client.send()), "opened");
  assertEquals(client.receive(server.send()), "opened");
});

Deno.test("update(): the initiator still reads old keys until its peer follows", () => {
  const { client, server } = pair();
  roundTrip(client, server, 0);
  const before = server.send();
  client.ring.update(DELAY, 0);
  assertEquals(client.receive(before), "opened");
  assertEquals(client.receive(server.send()), "opened");
});

Deno.test("update(): both ends at once", () => {
  const { client, server } = pair();
  roundTrip(client, server, 0);
  roundTrip(server, client, 0);
  assert(client.ring.update(DELAY, 0) && server.ring.update(DELAY, 0));
  const [fromClient, fromServer] = [client.send(), server.send()];
  assertEquals(server.receive(fromClient), "key_update");
  assertEquals(client.receive(fromServer), "key_update");
  assertEquals([client.ring.generation, server.ring.generation], [1, 1]);
  assertEquals(server.receive(client.send()), "opened");
  assertEquals(client.receive(server.send()), "opened");
});

Deno.test("canUpdate() waits for the handshake to be confirmed and for an acknowledgement (RFC 9001 §6.1)", () => {
  const { client, server } = pair();
  assertEquals(client.ring.canUpdate(DELAY, 0), false);
  roundTrip(client, server, 5);
  assertEquals(client.ring.canUpdate(DELAY, 5), true);
  const unconfirmed = new KeyRing(nobleProvider());
  unconfirmed.install("application", "read", AES_128_GCM, SERVER_SECRET);
  unconfirmed.install("application", "write", AES_128_GCM, CLIENT_SECRET);
  unconfirmed.seal("application", new Uint8Array(40).fill(0x40), 0, 1, 1, 20, 0, 0);
  unconfirmed.onAcknowledged(0, 0, 0);
  assertEquals(unconfirmed.update(DELAY, 0), false);
  unconfirmed.onHandshakeConfirmed();
  assertEquals(unconfirmed.update(DELAY, 0), true);
});

Deno.test("canUpdate() waits three PTOs after the acknowledgement of the last update (RFC 10069 §2.5)", () => {
  const { client, server } = pair();
  roundTrip(client, server, 0);
  assert(client.ring.update(DELAY, 0));
  assertEquals(client.ring.canUpdate(DELAY, 10_000), false, "nothing acknowledged yet");
  roundTrip(client, server, 10_000);
  assertEquals(client.ring.canUpdate(DELAY, 10_000 + DELAY - 1), false);
  assertEquals(client.ring.canUpdate(DELAY, 10_000 + DELAY), true);
  assertEquals(server.ring.canUpdate(DELAY, 10_000), false, "the peer counts from its own acknowledgement");
});

Deno.test("onAcknowledged() looks at packets of the current phase only, on each path for itself", () => {
  const { client, server } = pair();
  for (let i = 0; i < 5; i++) roundTrip(client, server, 0, 1);
  roundTrip(client, server, 0, 0);
  assert(client.ring.update(DELAY, 0));
  const packet = client.send(0);
  server.receive(packet);
  client.receive(server.send(0));
  client.ring.onAcknowledged(1, 4, 1);
  assertEquals(client.ring.canUpdate(0, 1), false, "packet 4 of path 1 was sealed before");
  client.ring.onAcknowledged(0, packet.number, 2);
  assertEquals(client.ring.canUpdate(0, 2), true);
});

Deno.test("updateIfDue() updates when half of the confidentiality limit is used, well before the end", () => {
  const { client, server } = pair({ ...AES_128_GCM, confidentialityLimit: 64 });
  roundTrip(client, server, 0);
  let updates = 0;
  for (let now = 1; now < 1000; now++) {
    if (client.ring.updateIfDue(DELAY / 100, now)) updates++;
    roundTrip(client, server, now);
  }
  assert(updates > 25 && updates < 35, `${updates} updates`);
  assertEquals(client.ring.generation, updates);
});

Deno.test("updateIfDue() cannot help when the peer is silent: AEAD_LIMIT", () => {
  const { client } = pair({ ...AES_128_GCM, confidentialityLimit: 64 });
  const error = assertThrows(() => {
    for (let now = 0; now < 64; now++) {
      assertEquals(client.ring.updateIfDue(DELAY, now), false);
      client.send();
    }
  }, KeyError);
  assertEquals(error.kind, "aead_limit");
});

Deno.test("updateIfDue() never asks for an update of ChaCha20 keys, which have no limit", () => {
  const { client, server } = pair(CHACHA20_POLY1305);
  for (let now = 0; now < 100; now++) {
    roundTrip(client, server, now);
    assertEquals(client.ring.updateIfDue(DELAY, now), false);
  }
});

Deno.test("open(): late packets with old keys, until discardOldKeys()", () => {
  const { client, server } = pair();
  roundTrip(client, server, 0);
  const late = [client.send(), client.send(), client.send(1), client.send(2)];
  client.ring.update(DELAY, 0);
  assertEquals(server.receive(client.send()), "key_update");
  assertEquals(server.receive(client.send(1)), "opened");
  assertEquals(server.receive(late[0]!), "opened");
  assertEquals(server.receive(late[2]!), "opened", "on another path");
  server.ring.discardOldKeys();
  assertEquals(server.receive(late[1]!), "no_keys", "dropped without trying a key");
  assertEquals(server.ring.failures, 0);
  assertEquals(server.receive(late[3]!), "failed", "nothing told it apart from a new update");
  assertEquals(server.receive(client.send(2)), "opened");
});

Deno.test("open(): a path that was silent through an update sends with old keys, then with new ones", () => {
  const { client, server } = pair();
  roundTrip(client, server, 0);
  const old = [client.send(1), client.send(1)];
  client.ring.update(DELAY, 0);
  server.receive(client.send(0));
  assertEquals(server.receive(old[1]!), "opened");
  const fresh = client.send(1);
  assertEquals(server.receive(fresh), "opened");
  assertEquals(server.receive(old[0]!), "opened");
});

Deno.test("open(): two updates before old keys are discarded", () => {
  const { client, server } = pair();
  roundTrip(client, server, 0);
  for (let i = 1; i <= 2; i++) {
    assert(client.ring.update(0, i));
    roundTrip(client, server, i);
  }
  assertEquals(server.ring.generation, 2);
  assertEquals(server.receive(client.send(1)), "opened");
});

Deno.test("open(): old keys after new ones on one path are a KEY_UPDATE_ERROR (RFC 9001 §6.4)", () => {
  const [old, fresh] = [clientAt(0), clientAt(1)];
  const server = new End("server");
  server.receive(old.send(0, 1));
  assertEquals(server.receive(fresh.send(0, 5)), "key_update");
  assertEquals(server.receive(old.send(0, 4)), "opened");
  const error = assertThrows(() => server.receive(old.send(0, 6)), KeyError, "expected new ones");
  assertEquals(error.kind, "key_update_error");
});

Deno.test("open(): new keys before old ones on one path are a KEY_UPDATE_ERROR", () => {
  const [old, fresh] = [clientAt(0), clientAt(1)];
  const server = new End("server");
  server.receive(old.send(0, 9));
  assertEquals(server.receive(fresh.send(0, 5)), "no_keys", "dropped as late, without trying a key");
  assertEquals(server.receive(fresh.send(1, 0)), "key_update");
  const error = assertThrows(() => server.receive(fresh.send(0, 6)), KeyError, "expected keys in order");
  assertEquals(error.kind, "key_update_error");
});

Deno.test("open(): a late packet with old keys and a later number than new ones had: KEY_UPDATE_ERROR", () => {
  const [old, fresh] = [clientAt(0), clientAt(1)];
  const server = new End("server");
  server.receive(old.send(0, 1));
  server.receive(fresh.send(0, 10));
  assertEquals(server.receive(old.send(1, 20)), "opened", "nothing opened with new keys on path 1");
  assertThrows(() => server.receive(fresh.send(1, 15)), KeyError);
});

Deno.test("open(): the same across paths means nothing", () => {
  const [old, fresh] = [clientAt(0), clientAt(1)];
  const server = new End("server");
  server.receive(old.send(1, 100));
  assertEquals(server.receive(fresh.send(0, 5)), "key_update");
  assertEquals(server.receive(old.send(1, 101)), "opened");
  assertEquals(server.receive(fresh.send(2, 3)), "opened");
  assertEquals(server.receive(fresh.send(1, 102)), "opened");
});

Deno.test("open(): a late packet is tried with the keys before, not with the next ones", () => {
  const server = new End("server");
  assertEquals(server.receive(clientAt(1).send(0, 5)), "key_update");
  assertEquals(server.receive(clientAt(2).send(0, 3)), "failed");
  assertEquals(server.ring.generation, 1);
  assertEquals(server.receive(clientAt(0).send(0, 3)), "opened");
});

Deno.test("onAcknowledged() of new keys by old ones is a KEY_UPDATE_ERROR (RFC 9001 §6.2)", () => {
  const { client, server } = pair();
  roundTrip(client, server, 0);
  client.ring.update(DELAY, 0);
  const { number } = client.send();
  assertEquals(client.receive(server.send()), "opened");
  const error = assertThrows(() => client.ring.onAcknowledged(0, number, 1), KeyError, "older keys");
  assertEquals(error.kind, "key_update_error");
});

Deno.test("onAcknowledged() of new keys by old ones that come late, too", () => {
  const { client, server } = pair();
  roundTrip(client, server, 0);
  const late = server.send();
  client.ring.update(DELAY, 0);
  const { number, ...packet } = client.send();
  server.receive({ number, ...packet });
  assertEquals(client.receive(server.send()), "key_update");
  assertEquals(client.receive(late), "opened");
  assertThrows(() => client.ring.onAcknowledged(0, number, 1), KeyError, "older keys");
});

Deno.test("seal() writes the Key Phase bit, whatever stood there", () => {
  for (const generation of [0, 1, 2]) {
    for (const first of [0x43, 0x47]) {
      const { ring } = clientAt(generation);
      const bytes = new Uint8Array(SIZE + 16);
      bytes[0] = first;
      ring.seal("application", bytes, 0, 1, 4, SIZE, 0, 0);
      const server = new End("server").ring;
      server.unprotect("application", bytes, 0, 1, bytes.length);
      assertEquals(server.keyPhase, generation & 1);
      assertEquals(server.firstByte & ~4, 0x43);
    }
  }
});

Deno.test("open() makes no keys while the peer updates: they were made before (RFC 9001 §6.3)", () => {
  let made = 0;
  const real = nobleProvider();
  const counting: CryptoProvider = {
    ...real,
    aead(suite, key) {
      made++;
      return real.aead(suite, key);
    },
  };
  const ring = new KeyRing(counting);
  ring.install("application", "read", CHACHA20_POLY1305, CLIENT_SECRET);
  ring.install("application", "write", CHACHA20_POLY1305, SERVER_SECRET);
  ring.onHandshakeConfirmed();
  const end = new End("server", CHACHA20_POLY1305, ring);
  for (const generation of [1, 2, 3]) {
    const before = made;
    assertEquals(end.receive(clientAt(generation).send(generation)), "key_update");
    end.send();
    assertEquals(made, before);
    ring.discardOldKeys();
    assertEquals(made, before + 2);
  }
});

Deno.test("open(): a second update that waited for nothing is a KEY_UPDATE_ERROR (RFC 9001 §6.2)", () => {
  const { client, server } = pair();
  const accomplice = new End("server");
  roundTrip(client, accomplice, 0);
  client.ring.update(0, 0);
  assertEquals(server.receive(client.send()), "key_update");
  roundTrip(client, accomplice, 1);
  assert(client.ring.update(0, 1));
  const error = assertThrows(() => server.receive(client.send()), KeyError, "twice");
  assertEquals(error.kind, "key_update_error");
});

Deno.test("open(): forged packets of either phase fail, count once and change nothing", () => {
  const { client, server } = pair();
  roundTrip(client, server, 0);
  client.ring.update(DELAY, 0);
  server.receive(client.send());
  const { failures } = server.ring;
  for (let i = 1; i <= 64; i++) {
    const { bytes, path, number } = client.send();
    const buffer = bytes.slice();
    buffer[buffer.length - 1] = buffer.at(-1)! ^ 1;
    server.ring.unprotect("application", buffer, 0, 1, buffer.length);
    const clear = buffer.slice();
    server.ring.open("application", buffer, 0, 5, buffer.length, path, number, i & 1);
    assertEquals(server.ring.outcome, "failed");
    assertEquals(server.ring.failures, failures + i);
    assertEquals(buffer, clear);
  }
  assertEquals(server.ring.generation, 1);
  assertEquals(server.receive(client.send()), "opened");
});

Deno.test("open(): the integrity limit counts over all keys; an update does not reset it", () => {
  const { client, server } = pair({ ...AES_128_GCM, integrityLimit: 4 });
  const forge = () => {
    const packet = client.send();
    return server.receive({ ...packet, bytes: packet.bytes.with(-1, packet.bytes.at(-1)! ^ 1) });
  };
  roundTrip(client, server, 0);
  for (let i = 0; i < 2; i++) assertEquals(forge(), "failed");
  client.ring.update(DELAY, 0);
  roundTrip(client, server, 1);
  for (let i = 0; i < 2; i++) assertEquals(forge(), "failed");
  assertThrows(forge, KeyError, "expected at most 4");
});

Deno.test("Key updates, several paths and reordering: all that comes within one update opens", () => {
  const sends = fc.array(fc.record({ path: fc.nat(3), delay: fc.nat(20) }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(fc.array(sends, { minLength: 2, maxLength: 6 }), (rounds) => {
      const { client, server } = pair();
      const flying: { due: number; packet: Packet }[] = [];
      let now = 0;
      for (const round of rounds) {
        roundTrip(client, server, now);
        assert(client.ring.update(0, now));
        for (const { path, delay } of round) {
          flying.push({ due: now++ + delay, packet: client.send(path) });
          deliver(flying, server, now);
        }
        // What is still under way arrives in the next round at the latest, as within three PTOs.
        flying.forEach((flight) => flight.due = Math.min(flight.due, now + round.length));
        roundTrip(client, server, now);
        deliver(flying, server, now + (rounds.at(-1) === round ? 1000 : 0));
        server.ring.discardOldKeys();
        deliver(flying, server, Infinity);
      }
      assertEquals(server.ring.generation, rounds.length);
    }),
    { numRuns: 50 },
  );
});

/** Hands over what is due, in order of arrival; every packet must open. */
function deliver(flying: { due: number; packet: Packet }[], to: End, now: number): void {
  flying.sort((a, b) => a.due - b.due);
  while (flying.length > 0 && flying[0]!.due <= now) {
    const outcome = to.receive(flying.shift()!.packet);
    assert(outcome === "opened" || outcome === "key_update", outcome);
  }
}
