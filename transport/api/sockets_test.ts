import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Driver } from "../io/driver.ts";
import { SocketError } from "../io/socket.ts";
import { Sockets } from "./sockets.ts";

function bench(): { driver: Driver<never, never, never>; sockets: Sockets } {
  const endpoint = { receive: () => ({ kind: "none" as const }), transmit: () => undefined, forget(): void {} };
  const driver = new Driver<never, never, never>(endpoint, { onIncoming(): void {}, onDead(): void {} });
  return { driver, sockets: new Sockets(driver, undefined) };
}

Deno.test("Sockets.lease() binds one socket for each address, and closes it with its last user", async () => {
  const { driver, sockets } = bench();
  const first = sockets.lease({ hostname: "127.0.0.2", port: 0 });
  const second = sockets.lease({ hostname: "127.0.0.2", port: 0 });
  const third = sockets.lease({ hostname: "127.0.0.2", port: first.local.port });
  const other = sockets.lease({ hostname: "127.0.0.3", port: 0 });
  assertStrictEquals(second.local, first.local);
  assertStrictEquals(third.local, first.local);
  assertEquals(driver.locals, [first.local, other.local]);
  first.release();
  first.release();
  second.release();
  assertEquals(driver.locals.length, 2);
  third.release();
  assertEquals(driver.locals, [other.local]);
  other.release();
  assertEquals(driver.locals, []);
  await driver.close();
});

Deno.test("Sockets.lease() leaves the endpoint's own sockets open, and localFor() finds no others", async () => {
  const { driver, sockets } = bench();
  const shared = sockets.lease({ hostname: "127.0.0.2", port: 0 });
  assertEquals(sockets.localFor("127.0.0.1"), undefined);
  const own = sockets.bind("127.0.0.1", 0);
  assertStrictEquals(sockets.localFor("127.0.0.1"), own);
  const lease = sockets.lease({ hostname: "127.0.0.1", port: 0 });
  assertStrictEquals(lease.local, own);
  lease.release();
  assertEquals(driver.locals, [shared.local, own]);
  assertEquals(sockets.leaseAt({ hostname: "127.0.0.9", port: 1 }), undefined);
  sockets.leaseAt({ ...shared.local })?.release();
  shared.release();
  assertEquals(driver.locals, [own]);
  await driver.close();
});

Deno.test("Sockets.lease() says that an address is not of this machine", async () => {
  const { driver, sockets } = bench();
  // TEST-NET-1 (RFC 5737): binding sends nothing.
  assertThrows(() => sockets.lease({ hostname: "192.0.2.1", port: 0 }), SocketError, "192.0.2.1");
  await driver.close();
});
