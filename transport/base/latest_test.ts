import { assertEquals, assertThrows } from "@std/assert";
import { Latest } from "./latest.ts";
import type { MaxDataFrame } from "../wire/frames/types.ts";
import { FakePacket, fakeReceived } from "./fake_packet.ts";

class Setup {
  limit = 1;
  delivered = 0;
  readonly latest = new Latest<MaxDataFrame>(
    () => this.limit < 0 ? undefined : { kind: "max_data", limit: this.limit },
    {
      onDelivered: () => this.delivered++,
    },
  );

  send(path = 0): FakePacket {
    const packet = new FakePacket({ path });
    this.latest.writeFrames(packet);
    return packet;
  }
}

Deno.test("Latest writes the value of the moment", () => {
  const it = new Setup();
  it.latest.want();
  it.limit = 2;
  it.latest.want();
  const packet = it.send();
  assertEquals(packet.frames, [{ kind: "max_data", limit: 2 }]);
  assertEquals(it.latest.state, "in-flight");
  packet.acked();
  assertEquals(it.latest.state, "delivered");
  assertEquals(it.delivered, 1);
});

Deno.test("Latest takes the loss of an older value for nothing", () => {
  const it = new Setup();
  it.latest.want();
  const old = it.send();
  it.limit = 5;
  it.latest.want();
  const newest = it.send();
  old.lost();
  assertEquals(it.latest.state, "in-flight");
  old.acked();
  assertEquals(it.latest.state, "in-flight");
  newest.lost();
  assertEquals(it.latest.state, "wanted");
  assertEquals(it.send().frames, [{ kind: "max_data", limit: 5 }]);
});

Deno.test("Latest has nothing more to say when no frame is made", () => {
  const it = new Setup();
  it.latest.want();
  const packet = it.send();
  packet.lost();
  it.limit = -1;
  assertEquals(it.send().frames, []);
  assertEquals(it.latest.state, "idle");
  packet.acked();
  assertEquals(it.latest.state, "idle");
});

Deno.test("Latest counts copies: the last one lost counts", () => {
  const it = new Setup();
  it.latest.want();
  const first = it.send();
  const copy = new FakePacket();
  assertEquals(it.latest.writeAgain(first.records[0]!, copy), true);
  copy.lost();
  assertEquals(it.latest.state, "in-flight");
  first.lost();
  assertEquals(it.latest.state, "wanted");
});

Deno.test("Latest.offerAgain() and a later loss make one delivery", () => {
  const it = new Setup();
  it.latest.want();
  const first = it.send(3);
  it.latest.offerAgain(3);
  assertEquals(it.latest.state, "wanted");
  first.lost();
  assertEquals(it.send(1).frames.length, 1);
  assertEquals(it.send(1).frames.length, 0);
});

Deno.test("Latest: what is sent after an offer goes again when it is lost, whatever is still in flight", () => {
  const it = new Setup();
  it.latest.want();
  const first = it.send(3);
  it.latest.offerAgain(3);
  it.send(1).lost();
  assertEquals(it.latest.state, "wanted");
  const third = it.send(1);
  first.lost();
  assertEquals(it.latest.state, "in-flight");
  third.acked();
  assertEquals(it.latest.state, "delivered");
});

Deno.test("Latest.cancel() forgets, Latest.onFrame() refuses", () => {
  const it = new Setup();
  it.latest.want();
  it.latest.cancel();
  assertEquals(it.send().frames, []);
  assertThrows(() => it.latest.onFrame({ kind: "ping" }, fakeReceived()), TypeError);
});

Deno.test("Latest: that a lost value arrived after all says nothing of a newer one", () => {
  const it = new Setup();
  it.latest.want();
  const first = it.send();
  first.lost();
  it.latest.want();
  const second = it.send();
  first.acked();
  assertEquals(it.latest.state, "in-flight");
  second.lost();
  assertEquals(it.latest.state, "wanted");
});
