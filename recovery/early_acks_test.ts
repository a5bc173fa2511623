import { assertEquals } from "@std/assert";
import { EarlyAcks, MAX_EARLY_KEPT, type NamedPacket } from "./early_acks.ts";

function packet(number: number, ackEliciting = true): NamedPacket & { readonly number: number } {
  return { number, route: 1, sentAt: 10 * number, ackEliciting, order: number };
}

Deno.test("EarlyAcks finds what another route's frame reported, once", () => {
  const early = new EarlyAcks();
  for (const number of [3, 7, 5]) early.add(packet(number));
  assertEquals(early.name(4), undefined);
  assertEquals(early.name(5)?.sentAt, 50);
  assertEquals(early.name(5), undefined);
  assertEquals(early.name(7)?.order, 7);
});

Deno.test("EarlyAcks knows nothing below a frame's beginning, so that a late frame gives no sample", () => {
  const early = new EarlyAcks();
  early.add(packet(3));
  early.pass(6);
  early.add(packet(5));
  assertEquals([early.name(3), early.name(5)], [undefined, undefined]);
  early.pass(2);
  early.add(packet(9));
  assertEquals(early.name(9)?.sentAt, 90);
});

Deno.test("EarlyAcks tells packets that elicit nothing", () => {
  const early = new EarlyAcks();
  early.add(packet(1, false));
  assertEquals(early.name(1)?.ackEliciting, false);
});

Deno.test("EarlyAcks forgets every second packet when there are too many", () => {
  const early = new EarlyAcks();
  for (let n = 0; n <= MAX_EARLY_KEPT; n++) early.add(packet(n));
  assertEquals(early.name(1), undefined);
  assertEquals(early.name(2)?.sentAt, 20);
  assertEquals(early.name(MAX_EARLY_KEPT)?.sentAt, 10 * MAX_EARLY_KEPT);
});
