import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Queued, StreamQueue } from "./stream_queue.ts";

function stream(id: number, urgency = 3, incremental = false): Queued {
  return { id, urgency, incremental };
}

function queueOf(...streams: Queued[]): StreamQueue<Queued> {
  const queue = new StreamQueue<Queued>();
  for (const it of streams) queue.add(it);
  return queue;
}

/** Serves `n` times; the ids in order. */
function serve(queue: StreamQueue<Queued>, n: number): number[] {
  return Array.from({ length: n }, () => {
    const next = queue.next();
    if (next === undefined) return -1;
    queue.served(next);
    return next.id;
  });
}

Deno.test("StreamQueue serves the most urgent first", () => {
  const queue = queueOf(stream(0, 5), stream(4, 0), stream(8, 3));
  assertEquals(serve(queue, 2), [4, 4]);
  queue.delete(queue.next()!);
  assertEquals(serve(queue, 2), [8, 8]);
});

Deno.test("StreamQueue serves streams that are not incremental whole, in the order of their ids", () => {
  const queue = queueOf(stream(8), stream(0), stream(4));
  assertEquals(serve(queue, 3), [0, 0, 0]);
  queue.delete(queue.next()!);
  assertEquals(serve(queue, 2), [4, 4]);
});

Deno.test("StreamQueue lets incremental streams take turns", () => {
  const queue = queueOf(stream(8, 3, true), stream(0, 3, true), stream(4, 3, true));
  assertEquals(serve(queue, 7), [8, 0, 4, 8, 0, 4, 8]);
});

Deno.test("StreamQueue gives the ordered streams one turn among the incremental ones", () => {
  const queue = queueOf(stream(0), stream(4), stream(8, 3, true), stream(12, 3, true));
  assertEquals(serve(queue, 6), [0, 8, 12, 0, 8, 12]);
});

Deno.test("StreamQueue.next() keeps to the filter and to the urgency", () => {
  const queue = queueOf(stream(0), stream(4), stream(8, 3, true), stream(12, 6));
  assertEquals(queue.next((id) => id !== 0)?.id, 4);
  assertEquals(queue.next((id) => id > 4)?.id, 8);
  assertEquals(queue.next(undefined, 6)?.id, 12);
  assertEquals(queue.next(undefined, 5), undefined);
  assertEquals(queue.next(() => false), undefined);
});

Deno.test("StreamQueue.add() and delete() may be repeated", () => {
  const a = stream(0, 3, true);
  const b = stream(4);
  const queue = queueOf(a, a, b, b);
  assertEquals(queue.size, 2);
  assertEquals([...queue].map((it) => it.id), [0, 4]);
  for (const it of [a, a, b, b]) queue.delete(it);
  assertEquals([queue.size, queue.next(), queue.has(a)], [0, undefined, false]);
  queue.served(a);
  assertEquals(queue.size, 0);
});

Deno.test("StreamQueue agrees with a list that is sorted anew each time", () => {
  const priority = fc.record({ urgency: fc.nat(7), incremental: fc.boolean() });
  const steps = fc.array(fc.record({ step: fc.constantFrom("add", "delete", "serve"), pick: fc.nat(11) }), {
    size: "max",
    maxLength: 80,
  });
  fc.assert(fc.property(fc.array(priority, { minLength: 12, maxLength: 12 }), steps, (priorities, list) => {
    const streams = priorities.map((p, i) => stream(i * 4, p.urgency, p.incremental));
    const queue = new StreamQueue<Queued>();
    // The model: places in the round, where all ordered streams of an urgency share one.
    let rounds: { urgency: number; members: Queued[]; shared: boolean }[] = [];
    for (const { step, pick } of list) {
      const it = streams[pick]!;
      const isIn = rounds.some((r) => r.members.includes(it));
      if (step === "add") {
        queue.add(it);
        const shared = rounds.find((r) => r.shared && r.urgency === it.urgency);
        if (!isIn && !it.incremental && shared !== undefined) shared.members.push(it);
        else if (!isIn) rounds.push({ urgency: it.urgency, members: [it], shared: !it.incremental });
      } else if (step === "delete") {
        queue.delete(it);
        for (const r of rounds) r.members = r.members.filter((m) => m !== it);
        rounds = rounds.filter((r) => r.members.length > 0);
      } else {
        const top = Math.min(...rounds.map((r) => r.urgency));
        const first = rounds.find((r) => r.urgency === top);
        const expected = first?.members.toSorted((a, b) => a.id - b.id)[0];
        assertEquals(queue.next()?.id, expected?.id);
        if (expected !== undefined) {
          queue.served(expected);
          rounds = [...rounds.filter((r) => r !== first), first!];
        }
      }
      assertEquals(queue.size, rounds.reduce((sum, r) => sum + r.members.length, 0));
    }
  }));
});
