import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import type { Address } from "../base/address.ts";
import { openSocket } from "./open_socket.ts";
import { isPermissionError, sendErrorKind, SocketError, type SocketName, type UdpSocket } from "./socket.ts";

const NAMES: readonly SocketName[] = ["deno", "node"];

/** Arrivals of a socket, copied, with a way to wait for the next. */
class Inbox {
  readonly got: { data: Uint8Array; remote: Address }[] = [];
  dead: Error | undefined;
  #wake: (() => void) | undefined;

  onDatagram(data: Uint8Array, remote: Address): void {
    this.got.push({ data: data.slice(), remote });
    this.#wake?.();
  }

  onDead(error: Error): void {
    this.dead = error;
  }

  async count(n: number): Promise<void> {
    while (this.got.length < n) await new Promise<void>((resolve) => this.#wake = resolve);
  }
}

function sent(socket: UdpSocket, data: Uint8Array, to: Address): Promise<unknown> {
  return new Promise((resolve) => socket.send(data, to, { taken: () => resolve(undefined), failed: resolve }));
}

for (const name of NAMES) {
  Deno.test(`openSocket() ${name}: knows its port at once and carries datagrams both ways`, async () => {
    const a = openSocket({ hostname: "127.0.0.1", name });
    const b = openSocket({ hostname: "127.0.0.1", name });
    assertEquals([a.name, b.name], [name, name]);
    assert(a.local.port > 0 && b.local.port > 0 && a.local.port !== b.local.port);
    const atA = new Inbox();
    const atB = new Inbox();
    a.start(atA);
    b.start(atB);
    assertEquals(await sent(a, new Uint8Array([1, 2, 3]), b.local), undefined);
    await atB.count(1);
    assertEquals(atB.got[0], { data: new Uint8Array([1, 2, 3]), remote: a.local });
    await sent(b, new Uint8Array(1452).fill(7), atB.got[0]!.remote);
    await atA.count(1);
    assertEquals(atA.got[0]!.data, new Uint8Array(1452).fill(7));
    assertEquals(atA.got[0]!.remote, b.local);
    await Promise.all([a.close(), b.close()]);
    assertEquals([atA.dead, atB.dead], [undefined, undefined]);
  });

  Deno.test(`openSocket() ${name}: datagrams from one peer come in order with one address object`, async () => {
    const a = openSocket({ hostname: "127.0.0.1", name });
    const b = openSocket({ hostname: "127.0.0.1", name });
    const inbox = new Inbox();
    b.start(inbox);
    a.start(new Inbox());
    for (let i = 0; i < 20; i += 1) await sent(a, new Uint8Array([i]), b.local);
    await inbox.count(20);
    assertEquals(inbox.got.map(({ data }) => data[0]), Array.from({ length: 20 }, (_, i) => i));
    assertEquals(new Set(inbox.got.map(({ remote }) => remote)).size, 1);
    assertEquals(inbox.got[0]!.data.constructor, Uint8Array);
    await Promise.all([a.close(), b.close()]);
  });

  Deno.test(`openSocket() ${name}: a socket for both families shows and reaches IPv4 peers as such`, async () => {
    const both = openSocket({ hostname: "::", name });
    const four = openSocket({ hostname: "127.0.0.1", name });
    const six = openSocket({ hostname: "[::1]", name });
    const atBoth = new Inbox();
    const atFour = new Inbox();
    const atSix = new Inbox();
    both.start(atBoth);
    four.start(atFour);
    six.start(atSix);
    await sent(four, new Uint8Array([4]), { hostname: "127.0.0.1", port: both.local.port });
    await sent(six, new Uint8Array([6]), { hostname: "::1", port: both.local.port });
    await atBoth.count(2);
    const remotes = atBoth.got.map(({ remote }) => remote).sort((x, y) => x.hostname.localeCompare(y.hostname));
    assertEquals(remotes.map(({ hostname }) => hostname), ["::1", "127.0.0.1"]);
    for (const remote of remotes) await sent(both, new Uint8Array([9]), remote);
    await Promise.all([atFour.count(1), atSix.count(1)]);
    await Promise.all([both.close(), four.close(), six.close()]);
  });

  Deno.test(`openSocket() ${name}: an address in use, a foreign address and a bad port are told apart`, async () => {
    const a = openSocket({ hostname: "127.0.0.1", name });
    const { port } = a.local;
    const inUse = assertThrows(
      () => openSocket({ hostname: "127.0.0.1", port, name }),
      SocketError,
      `127.0.0.1:${port}`,
    );
    if (name === "deno") assertEquals(inUse.code, "EADDRINUSE");
    assertThrows(() => openSocket({ hostname: "192.0.2.1", name }), SocketError);
    assertThrows(() => openSocket({ hostname: "127.0.0.1", port: 70_000, name }), RangeError, `"port" is 70000`);
    await a.close();
  });

  Deno.test(`openSocket() ${name}: what is too large is refused, what is of another family unreachable`, async () => {
    const a = openSocket({ hostname: "127.0.0.1", name });
    a.start(new Inbox());
    assertEquals(sendErrorKind(await sent(a, new Uint8Array(65_530), { hostname: "127.0.0.1", port: 9 })), "too-large");
    assertEquals(sendErrorKind(await sent(a, new Uint8Array(10), { hostname: "::1", port: 9 })), "unreachable");
    await a.close();
  });

  Deno.test(`openSocket() ${name}: close() twice is once, and a send after it fails`, async () => {
    const a = openSocket({ hostname: "127.0.0.1", name });
    const inbox = new Inbox();
    a.start(inbox);
    await Promise.all([a.close(), a.close()]);
    assertInstanceOf(await sent(a, new Uint8Array(1), { hostname: "127.0.0.1", port: 9 }), Error);
    assertEquals(inbox.dead, undefined);
  });
}

Deno.test("sendErrorKind() sorts codes and names", () => {
  const coded = (code: string): Error => Object.assign(new Error(code), { code });
  const kinds = ["ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EADDRNOTAVAIL", "EMSGSIZE", "EPERM"].map((code) =>
    sendErrorKind(coded(code))
  );
  assertEquals(kinds, ["unreachable", "unreachable", "unreachable", "gone", "too-large", "other"]);
  assertEquals(sendErrorKind(new Deno.errors.BadResource("x")), "gone");
  assertEquals(sendErrorKind(new Deno.errors.NetworkUnreachable("x")), "unreachable");
  assertEquals(sendErrorKind("something"), "other");
  assertEquals(isPermissionError(new Deno.errors.NotCapable("x")), true);
  assertEquals(isPermissionError(new Deno.errors.PermissionDenied("x")), false);
});
