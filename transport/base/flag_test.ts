import { assertEquals, assertThrows } from "@std/assert";
import { Flag } from "./flag.ts";
import { FakePacket, fakeReceived } from "./fake_packet.ts";

function written(flag: Flag<{ kind: "ping" }>, options = {}): FakePacket {
  const packet = new FakePacket(options);
  flag.writeFrames(packet);
  return packet;
}

Deno.test("Flag goes idle, wanted, in flight, delivered", () => {
  let delivered = -1;
  const flag = new Flag({ kind: "ping" }, { onDelivered: (now) => delivered = now });
  assertEquals(flag.state, "idle");
  assertEquals(written(flag).frames, []);
  flag.want();
  flag.want();
  assertEquals(flag.state, "wanted");
  const packet = written(flag);
  assertEquals(packet.frames, [{ kind: "ping" }]);
  assertEquals(flag.state, "in-flight");
  flag.want();
  assertEquals(written(flag).frames, []);
  packet.acked(7);
  assertEquals(flag.state, "delivered");
  assertEquals(delivered, 7);
  flag.want();
  assertEquals(flag.state, "wanted");
});

Deno.test("Flag is wanted again when its last copy is lost", () => {
  const flag = new Flag({ kind: "ping" });
  flag.want();
  const first = written(flag);
  const second = new FakePacket();
  assertEquals(flag.writeAgain(first.records[0]!, second), true);
  first.lost();
  assertEquals(flag.state, "in-flight");
  second.lost();
  assertEquals(flag.state, "wanted");
  first.acked(); // an acknowledgment that comes after the loss was declared
  assertEquals(flag.state, "delivered");
  assertEquals(flag.writeAgain(first.records[0]!, new FakePacket()), false);
});

Deno.test("Flag that is sent once ends with its loss", () => {
  const flag = new Flag({ kind: "ping" }, { repeat: "once" });
  flag.want();
  written(flag).lost();
  assertEquals(flag.state, "idle");
});

Deno.test("Flag ignores the fate of a delivery that was cancelled", () => {
  const flag = new Flag({ kind: "ping" });
  flag.want();
  const old = written(flag);
  flag.cancel();
  flag.want();
  old.acked();
  assertEquals(flag.state, "wanted");
  old.lost();
  assertEquals(flag.state, "wanted");
});

Deno.test("Flag waits for its level and for room", () => {
  const flag = new Flag({ kind: "ping" }, { levels: ["handshake"] });
  flag.want();
  assertEquals(flag.hasFrames(new FakePacket()), false);
  assertEquals(flag.hasFrames(new FakePacket({ level: "handshake" })), true);
  assertEquals(written(flag, { level: "handshake", room: 0 }).frames, []);
  assertEquals(flag.state, "wanted");
});

Deno.test("Flag.offerAgain() wants again what is in flight on that path, without a loss", () => {
  const flag = new Flag({ kind: "ping" });
  flag.want();
  const first = written(flag, { path: 1 });
  flag.offerAgain(0);
  assertEquals(flag.state, "in-flight");
  flag.offerAgain(1);
  assertEquals(flag.state, "wanted");
  const second = written(flag, { path: 0 });
  first.lost();
  assertEquals(flag.state, "in-flight");
  second.acked();
  assertEquals(flag.state, "delivered");
});

Deno.test("Flag: what is sent after an offer goes again when it is lost, whatever is still in flight", () => {
  const flag = new Flag({ kind: "ping" });
  flag.want();
  const first = written(flag, { path: 1 });
  flag.offerAgain(1);
  written(flag, { path: 0 }).lost();
  assertEquals(flag.state, "wanted");
  first.acked();
  assertEquals(flag.state, "delivered");
});

Deno.test("Flag.onFrame() refuses", () => {
  assertThrows(() => new Flag({ kind: "ping" }).onFrame({ kind: "ping" }, fakeReceived()), TypeError);
});

Deno.test("Flag that is sent once is sent for each wish, also while it is in flight where nobody finds it lost", () => {
  const flag = new Flag({ kind: "ping" }, { repeat: "once" });
  flag.want();
  const first = written(flag);
  flag.want();
  assertEquals(flag.state, "wanted");
  const second = written(flag);
  assertEquals(second.frames, [{ kind: "ping" }]);
  first.lost();
  first.acked(3);
  assertEquals(flag.state, "in-flight");
  second.lost();
  assertEquals(flag.state, "idle");
});
