import { assert, assertEquals, assertFalse } from "@std/assert";
import { AckPolicy, type AckPolicyOptions } from "./ack_policy.ts";
import { ReceivedPackets } from "./received_packets.ts";

class Receiver {
  readonly received = new ReceivedPackets();
  readonly policy: AckPolicy;

  constructor(options: AckPolicyOptions = {}) {
    this.policy = new AckPolicy(this.received, options);
  }

  take(number: number, now: number, o: { eliciting?: boolean; ce?: boolean } = {}): void {
    this.received.add(number, now);
    this.policy.onReceived(number, o.eliciting ?? true, o.ce ?? false, now);
  }
}

Deno.test("AckPolicy waits max_ack_delay for one packet, not for a second (RFC 9000 §13.2.1, §13.2.2)", () => {
  const { policy, ...r } = new Receiver();
  const receiver = new Receiver();
  assertEquals([policy.wantsAck, policy.dueAt(), r.received.largest], [false, Infinity, -1]);
  receiver.take(0, 100);
  assertEquals([receiver.policy.wantsAck, receiver.policy.dueAt()], [true, 125]);
  assertFalse(receiver.policy.isDue(124));
  assert(receiver.policy.isDue(125));
  receiver.take(1, 110);
  assertEquals(receiver.policy.dueAt(), 110);
  receiver.policy.onAckSent();
  assertEquals([receiver.policy.wantsAck, receiver.policy.dueAt()], [false, Infinity]);
  receiver.take(2, 120);
  assertEquals(receiver.policy.dueAt(), 145);
});

Deno.test("AckPolicy takes its threshold and delay from the options, and later from its owner", () => {
  const receiver = new Receiver({ threshold: 3, maxAckDelay: 10 });
  receiver.take(0, 0);
  receiver.take(1, 1);
  assertEquals(receiver.policy.dueAt(), 10);
  receiver.take(2, 2);
  assertEquals(receiver.policy.dueAt(), 2);
  receiver.policy.onAckSent();
  receiver.policy.threshold = 1;
  receiver.take(3, 3);
  assertEquals(receiver.policy.dueAt(), 3);
  receiver.policy.onAckSent();
  receiver.policy.threshold = 9;
  receiver.policy.maxAckDelay = 5;
  receiver.take(4, 4);
  assertEquals(receiver.policy.dueAt(), 9);
});

Deno.test("AckPolicy never acts on packets that elicit nothing (RFC 9000 §13.2.1)", () => {
  const receiver = new Receiver();
  for (const n of [0, 5, 3, 9]) receiver.take(n, n, { eliciting: false });
  assertEquals([receiver.policy.wantsAck, receiver.policy.dueAt()], [false, Infinity]);
  receiver.take(20, 20, { eliciting: false, ce: true });
  assertFalse(receiver.policy.wantsAck);
});

Deno.test("AckPolicy answers a gap at once", () => {
  const receiver = new Receiver();
  receiver.take(0, 0);
  receiver.policy.onAckSent();
  receiver.take(2, 5);
  assertEquals(receiver.policy.dueAt(), 5);
});

Deno.test("AckPolicy answers a first packet with others missing before it at once", () => {
  const receiver = new Receiver();
  receiver.take(1, 5);
  assertEquals(receiver.policy.dueAt(), 5);
});

Deno.test("AckPolicy takes packets that elicit nothing for present", () => {
  const receiver = new Receiver();
  receiver.take(0, 0);
  receiver.policy.onAckSent();
  receiver.take(1, 1, { eliciting: false });
  receiver.take(2, 5);
  assertEquals(receiver.policy.dueAt(), 30);
});

Deno.test("AckPolicy answers a packet below another at once", () => {
  const receiver = new Receiver();
  receiver.take(0, 0);
  receiver.take(2, 0);
  receiver.policy.onAckSent();
  receiver.take(1, 5);
  assertEquals(receiver.policy.dueAt(), 5);
  receiver.policy.onAckSent();
  receiver.take(3, 6);
  assertEquals(receiver.policy.dueAt(), 31);
});

Deno.test("AckPolicy answers a CE mark at once (RFC 9000 §13.2.1)", () => {
  const receiver = new Receiver();
  receiver.take(0, 7, { ce: true });
  assertEquals(receiver.policy.dueAt(), 7);
});

Deno.test("AckPolicy in immediate mode, or told to, waits for nothing", () => {
  const handshake = new Receiver({ immediate: true });
  handshake.take(0, 7);
  assertEquals(handshake.policy.dueAt(), 7);
  const small = new Receiver();
  small.policy.ackAtOnce = true;
  small.take(0, 7);
  assertEquals(small.policy.dueAt(), 7);
  small.policy.onAckSent();
  small.policy.ackAtOnce = false;
  small.take(1, 8);
  assertEquals(small.policy.dueAt(), 33);
});

Deno.test("AckPolicy without order finds nothing in gaps", () => {
  const receiver = new Receiver({ ordered: false });
  receiver.take(5, 0);
  receiver.policy.onAckSent();
  receiver.take(9, 1);
  assertEquals(receiver.policy.dueAt(), 26);
  receiver.policy.onAckSent();
  receiver.take(7, 2);
  assertEquals([receiver.policy.dueAt(), receiver.policy.largest, receiver.policy.largestAt], [27, 9, 1]);
});
