import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Address } from "../base/address.ts";
import { MAX_IN_FLIGHT, SendPool } from "./send_pool.ts";
import { Outlet } from "./outlet.ts";
import type { SendReceipt, UdpSocket } from "./socket.ts";

const A: Address = { hostname: "127.0.0.1", port: 1 };
const B: Address = { hostname: "127.0.0.1", port: 2 };
const SOCKET: UdpSocket = { name: "node", local: A, start() {}, send() {}, close: () => Promise.resolve() };
const OUTLET = new Outlet(SOCKET);
const NOBODY = { onSendFailed(): void {} };

/** One datagram of `length` bytes, filled with `value`. */
function put(pool: SendPool, length: number, value: number): { view: Uint8Array; receipt: SendReceipt } {
  const room = pool.take()!;
  const view = room.subarray(0, length).fill(value);
  const receipt = pool.receipt(NOBODY, OUTLET, B, 1200);
  pool.keep(length);
  return { view, receipt };
}

Deno.test("SendPool memory is not given out again before the socket has taken it", () => {
  const pool = new SendPool(() => {});
  const held = Array.from({ length: 100 }, (_, i) => put(pool, 1400, i));
  for (const [i, { view }] of held.entries()) assert(view.every((byte) => byte === i));
  assertEquals(pool.inFlight, 100);
});

Deno.test("SendPool memory is used again once it was taken", () => {
  const pool = new SendPool(() => {});
  const buffers = new Set<ArrayBufferLike>();
  for (let i = 0; i < 1000; i += 1) {
    const { view, receipt } = put(pool, 1400, i & 255);
    buffers.add(view.buffer);
    receipt.taken();
  }
  assertEquals(buffers.size, 1);
  assertEquals(pool.inFlight, 0);
});

Deno.test("SendPool.take() gives nothing while too many datagrams are in flight", () => {
  let returned = 0;
  const pool = new SendPool(() => returned += 1);
  const held = Array.from({ length: MAX_IN_FLIGHT }, () => put(pool, 1200, 1));
  assertStrictEquals(pool.take(), undefined);
  held[7]!.receipt.failed(new Error("no"));
  assertEquals(returned, 1);
  assert(pool.take() !== undefined);
});

Deno.test("SendPool.receipt() tells a failure to the one whose datagram it was, and to nobody after", () => {
  const pool = new SendPool(() => {});
  const failures: unknown[][] = [];
  pool.take();
  const receipt = pool.receipt({ onSendFailed: (...all): void => void failures.push(all) }, OUTLET, B, 1200);
  pool.keep(10);
  const error = new Error("no route");
  receipt.failed(error);
  assertEquals(failures, [[A, B, error, 1200]]);
  const { receipt: other } = put(pool, 10, 1);
  other.failed(error);
  assertEquals(failures.length, 1);
});

Deno.test("SendPool.take() always has room for a jumbo datagram", () => {
  const pool = new SendPool(() => {});
  for (let i = 0; i < 200; i += 1) {
    assert(pool.take()!.length >= 16_384);
    put(pool, 1 + (i * 977) % 16_384, 0);
  }
});
