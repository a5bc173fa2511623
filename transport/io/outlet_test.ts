import { assertEquals } from "@std/assert";
import type { Address } from "../base/address.ts";
import { openSocket } from "./open_socket.ts";
import { Outlet } from "./outlet.ts";
import type { SendReceipt, SocketName, UdpSocket } from "./socket.ts";

const TO: Address = { hostname: "127.0.0.1", port: 9 };

/** A socket whose system takes datagrams when told to. */
class SlowSocket implements UdpSocket {
  readonly name = "node";
  readonly local: Address = { hostname: "127.0.0.1", port: 1 };
  readonly held: { value: number; receipt: SendReceipt }[] = [];
  start(): void {}
  send(data: Uint8Array, _remote: Address, receipt: SendReceipt): void {
    this.held.push({ value: data[0]!, receipt });
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  get values(): number[] {
    return this.held.map(({ value }) => value);
  }
  takeOne(): void {
    this.held.shift()?.receipt.taken();
  }
}

function sender(socket: UdpSocket): { outlet: Outlet; send: (value: number, remote?: Address) => void } {
  const outlet = new Outlet(socket);
  const receipt = { taken: () => outlet.onReturn(), failed: () => outlet.onReturn() };
  return { outlet, send: (value, remote = TO) => outlet.send(new Uint8Array([value]), remote, receipt) };
}

Deno.test("Outlet sends one at a time until the socket has taken the first ones, then in bursts", () => {
  const socket = new SlowSocket();
  const { outlet, send } = sender(socket);
  for (const value of [1, 2, 3]) send(value);
  assertEquals([socket.values, outlet.pending], [[1], 3]);
  socket.takeOne();
  assertEquals(socket.values, [2]);
  socket.takeOne();
  socket.takeOne();
  assertEquals(outlet.pending, 0);
  for (const value of [4, 5, 6]) send(value);
  assertEquals(socket.values, [4, 5, 6]);
});

Deno.test("Outlet goes back to one at a time when a turn finds sends still in the socket", () => {
  const socket = new SlowSocket();
  const { outlet, send } = sender(socket);
  send(0);
  socket.takeOne();
  for (const value of [1, 2]) send(value);
  outlet.onTurn();
  for (const value of [3, 4]) send(value);
  assertEquals(socket.values, [1, 2]);
  socket.takeOne();
  assertEquals(socket.values, [2]);
  socket.takeOne();
  assertEquals(socket.values, [3]);
  socket.takeOne();
  socket.takeOne();
  outlet.onTurn();
  for (const value of [5, 6]) send(value);
  assertEquals(socket.values, [5, 6]);
});

for (const name of ["deno", "node"] satisfies SocketName[]) {
  Deno.test(`Outlet keeps a burst through a fresh ${name} socket in order`, async () => {
    const socket = openSocket({ hostname: "127.0.0.1", name });
    const peer = openSocket({ hostname: "127.0.0.1", name });
    const got: number[] = [];
    let all = (): void => {};
    const complete = new Promise<void>((resolve) => all = resolve);
    peer.start({ onDatagram: (data) => got.push(data[0]!) === 50 && all(), onDead() {} });
    socket.start({ onDatagram() {}, onDead() {} });
    const { send } = sender(socket);
    for (let value = 0; value < 50; value += 1) send(value, peer.local);
    await complete;
    assertEquals(got, Array.from({ length: 50 }, (_, value) => value));
    await Promise.all([socket.close(), peer.close()]);
  });
}
