import { assert, assertEquals, assertFalse } from "@std/assert";
import { ECN_TEST_PACKETS, ECN_TEST_PTOS, type EcnReport, EcnValidator } from "./ecn.ts";

const SPACE = 2;

function report(ect0: number, ce = 0, ect1 = 0): EcnReport {
  return { ect0, ect1, ce };
}

class Sender {
  readonly ecn = new EcnValidator();
  sent = 0;

  send(count: number, now = 0): number {
    let marked = 0;
    for (let i = 0; i < count; i++) {
      if (!this.ecn.marks(now)) continue;
      this.ecn.onSent(100, now);
      this.sent++;
      marked++;
    }
    return marked;
  }

  ack(newlyAcked: number, counts: EcnReport | undefined, raisedLargest = true, space = SPACE): number {
    return this.ecn.onAck(space, { counts, newlyAcked, sent: this.sent, raisedLargest });
  }
}

/** A sender that has passed its test, ten packets acknowledged. */
function capable(): Sender {
  const sender = new Sender();
  sender.send(ECN_TEST_PACKETS);
  sender.ack(10, report(10));
  assert(sender.ecn.marks(1));
  assertEquals(sender.ecn.state, "capable");
  return sender;
}

Deno.test("EcnValidator marks ten packets, then waits to know (RFC 9000 §13.4.2)", () => {
  const sender = new Sender();
  assertEquals([ECN_TEST_PACKETS, ECN_TEST_PTOS], [10, 3]);
  assertEquals(sender.send(50), 10);
  assertEquals(sender.ecn.state, "unknown");
  assertEquals(sender.ack(2, report(2)), 0);
  assertEquals(sender.ecn.state, "capable");
  assertEquals(sender.send(50), 50);
});

Deno.test("EcnValidator marks for three PTOs (RFC 9000 §13.4.2)", () => {
  const sender = new Sender();
  assertEquals(sender.send(1, 1000), 1);
  assertEquals(sender.send(1, 1299), 1);
  assertEquals(sender.send(1, 1300), 0);
  assertEquals(sender.ecn.state, "unknown");
  const good = new Sender();
  good.send(1, 1000);
  good.ack(1, report(1));
  assertEquals(good.send(1, 1300), 1);
  assertEquals(good.ecn.state, "capable");
});

Deno.test("EcnValidator fails when marked packets are acknowledged without counts", () => {
  const sender = new Sender();
  sender.send(10);
  sender.ack(0, undefined);
  assertEquals(sender.ecn.state, "testing");
  sender.ack(1, undefined);
  assertEquals(sender.ecn.state, "failed");
  assertFalse(sender.ecn.marks(0));
});

Deno.test("EcnValidator fails when counts grow by less than was acknowledged", () => {
  const sender = capable();
  sender.send(10);
  assertEquals(sender.ack(3, report(11, 1)), 0);
  assertEquals(sender.ecn.state, "failed");
  const enough = capable();
  enough.send(10);
  assertEquals(enough.ack(3, report(12, 1)), 1);
  assertEquals(enough.ecn.state, "capable");
});

Deno.test("EcnValidator allows counts to grow by more: ACK frames get lost", () => {
  const sender = capable();
  sender.send(10);
  assertEquals(sender.ack(1, report(18, 2)), 2);
  assertEquals(sender.ack(1, report(18, 2)), 0);
  assertEquals(sender.ecn.state, "failed");
});

Deno.test("EcnValidator fails when counts shrink, exceed what was sent, or show marks of another kind", () => {
  for (const counts of [report(9), report(21), report(15, 0, 1)]) {
    const sender = capable();
    sender.send(10);
    sender.ack(0, counts);
    assertEquals(sender.ecn.state, "failed", JSON.stringify(counts));
  }
  const shrunkCe = capable();
  shrunkCe.send(10);
  shrunkCe.ack(2, report(10, 2));
  shrunkCe.ack(2, report(14, 1));
  assertEquals(shrunkCe.ecn.state, "failed");
});

Deno.test("EcnValidator does not judge by ACK frames out of order (RFC 9000 §13.4.2.1)", () => {
  const sender = capable();
  sender.send(10);
  assertEquals(sender.ack(2, report(3), false), 0);
  assertEquals(sender.ack(2, undefined, false), 0);
  assertEquals(sender.ecn.state, "capable");
  assertEquals(sender.ack(2, report(12, 2)), 2);
});

Deno.test("EcnValidator fails when all marked packets are lost", () => {
  const sender = new Sender();
  sender.send(20);
  sender.ecn.onLost(9);
  assertEquals(sender.ecn.state, "unknown");
  sender.ecn.onLost(1);
  assertEquals(sender.ecn.state, "failed");
  const early = new Sender();
  early.send(10);
  early.ecn.onLost(10);
  assertFalse(early.ecn.marks(0));
  const some = capable();
  some.send(10);
  some.ecn.onLost(10);
  assertEquals(some.ecn.state, "capable");
});

Deno.test("EcnValidator fails when the route marks everything CE (RFC 9000 §A.4)", () => {
  const sender = new Sender();
  sender.send(10);
  assertEquals(sender.ack(10, report(0, 10)), 0);
  assertEquals(sender.ecn.state, "failed");
  const most = new Sender();
  most.send(10);
  assertEquals(most.ack(10, report(1, 9)), 9);
  // One who only acknowledges is acknowledged seldom, and many packets at a time.
  const seldom = new Sender();
  seldom.send(40);
  seldom.ack(9, report(0, 9));
  assertEquals(seldom.ack(31, report(0, 40)), 0);
  assertEquals(seldom.ecn.state, "failed");
});

Deno.test("EcnValidator reports no marks once it has failed", () => {
  const sender = capable();
  sender.send(5);
  sender.ack(5, undefined);
  assertEquals(sender.ack(0, report(10, 5)), 0);
});

Deno.test("EcnValidator keeps the counts of each packet number space apart", () => {
  const sender = new Sender();
  sender.send(10);
  assertEquals(sender.ack(2, report(2), true, 0), 0);
  assertEquals(sender.ack(3, report(2, 1), true, 1), 1);
  assertEquals(sender.ack(1, report(3), true, 0), 0);
  assertEquals([sender.ecn.countsOf(0), sender.ecn.countsOf(1)], [report(3), report(2, 1)]);
  assertEquals(sender.ecn.countsOf(7), report(0));
});

Deno.test("EcnValidator of a new route begins with the counts of the old", () => {
  const old = capable();
  const next = new Sender();
  next.sent = old.sent;
  next.ecn.baseline(SPACE, old.ecn.countsOf(SPACE));
  next.send(4);
  assertEquals(next.ack(4, report(13, 1)), 1);
  assertEquals(next.ecn.state, "testing");
});
