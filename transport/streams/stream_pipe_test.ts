import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { StreamError } from "../base/errors.ts";
import { End, Pipe, type PipeOptions, randomFrom, WIDE } from "./fake_pipe.ts";
import type { StreamLimits } from "./stream_limits.ts";

/** The byte at an offset of a stream. */
function byteAt(id: number, offset: number): number {
  return (id * 37 + offset * 11 + (offset >> 8)) & 0xff;
}

function payload(id: number, from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => byteAt(id, from + i));
}

/** An application that writes a given number of bytes on streams and reads all that comes, checking each byte. */
class App {
  readonly end: End;
  readonly written = new Map<number, number>();
  readonly read = new Map<number, number>();
  readonly ended = new Set<number>();
  readonly resets = new Map<number, number>();
  readonly stopped = new Set<number>();
  readonly finished = new Set<number>();
  readonly #todo = new Map<number, number>();
  /** Streams of the peer on which it answers with as many bytes as the id says. */
  readonly #answers: (id: number) => number;

  constructor(end: End, answers: (id: number) => number = () => 0) {
    this.end = end;
    this.#answers = answers;
  }

  send(id: number, bytes: number): void {
    this.#todo.set(id, bytes);
    this.written.set(id, 0);
    this.#write(id);
  }

  reset(id: number, code: number): void {
    this.end.set.reset(id, code);
    this.#todo.delete(id);
  }

  /** Handles events; returns whether there were any. */
  run(): boolean {
    const events = this.end.take();
    for (const event of events) {
      if (event.type === "stream_opened" && (event.id & 2) === 0) this.send(event.id, this.#answers(event.id));
      else if (event.type === "stream_readable") this.#read(event.id);
      else if (event.type === "stream_writable") this.#write(event.id);
      else if (event.type === "stream_reset") this.resets.set(event.id, event.code);
      else if (event.type === "stream_finished") this.finished.add(event.id);
      else if (event.type === "stream_stopped") {
        this.stopped.add(event.id);
        this.#todo.delete(event.id);
      }
    }
    return events.length > 0;
  }

  #write(id: number): void {
    const total = this.#todo.get(id);
    if (total === undefined) return;
    let at = this.written.get(id)!;
    while (at < total) {
      const length = Math.min(3000, total - at);
      const taken = this.end.set.write(id, payload(id, at, length));
      at += taken;
      if (taken < length) break;
    }
    this.written.set(id, at);
    if (at < total) return;
    this.end.set.finish(id);
    this.#todo.delete(id);
  }

  /** Forgets how streams went. */
  forget(): void {
    for (const memory of [this.written, this.read, this.ended, this.resets, this.stopped, this.finished]) {
      memory.clear();
    }
  }

  /** The next bytes; `undefined` also when the stream was reset, of which an event tells. */
  #next(id: number): Uint8Array | undefined | null {
    try {
      return this.end.set.read(id);
    } catch (error) {
      if (error instanceof StreamError && error.kind === "reset") return undefined;
      throw error;
    }
  }

  #read(id: number): void {
    let at = this.read.get(id) ?? 0;
    while (true) {
      const data = this.#next(id);
      if (data === undefined) break;
      if (data === null) {
        this.ended.add(id);
        break;
      }
      for (let i = 0; i < data.length; i++) {
        if (data[i] !== byteAt(id, at + i)) throw new Error(`Stream ${id} at ${at + i}`);
      }
      at += data.length;
    }
    this.read.set(id, at);
  }
}

const NARROW: StreamLimits = {
  initialMaxData: 20_000,
  initialMaxStreamDataBidiLocal: 3000,
  initialMaxStreamDataBidiRemote: 5000,
  initialMaxStreamDataUni: 4000,
  initialMaxStreamsBidi: 5,
  initialMaxStreamsUni: 3,
};

function joined(limits: StreamLimits, options: PipeOptions): { client: End; server: End; pipe: Pipe } {
  const common = { limits, connectionWindow: 60_000, streamWindow: 20_000, sendBuffer: 30_000 };
  const client = new End("client", common, limits);
  const server = new End("server", common, limits);
  return { client, server, pipe: new Pipe(client, server, options) };
}

/** Runs until nothing happens any more; how many steps that took. */
function run(pipe: Pipe, apps: readonly App[], step: () => boolean = () => false): number {
  for (let steps = 0; steps < 200_000; steps++) {
    const busy = step();
    pipe.step();
    const active = apps.map((app) => app.run());
    if (!busy && !active.includes(true) && pipe.isIdle) return steps;
  }
  throw new Error("The pipe does not come to rest");
}

Deno.test("two StreamSets deliver many streams over a lossy pipe, both ways", () => {
  const { client, server, pipe } = joined(NARROW, { seed: 1, loss: 0.1, spurious: 0.05, paths: 2 });
  const near = new App(client);
  const far = new App(server, (id) => id * 500);
  let next = 0;
  const sizes = new Map<number, number>();
  run(pipe, [near, far], () => {
    if (next === 60) return false;
    const id = client.set.open(next % 3 === 0 ? "unidirectional" : "bidirectional");
    if (id === undefined) return true;
    sizes.set(id, next * 400);
    near.send(id, next++ * 400);
    return true;
  });
  for (const [id, size] of sizes) {
    assertEquals([far.read.get(id) ?? 0, far.ended.has(id), near.finished.has(id)], [size, true, true]);
    if ((id & 2) === 0) assertEquals([near.read.get(id) ?? 0, near.ended.has(id)], [id * 500, true]);
  }
  assertEquals([client.set.openCount, server.set.openCount], [0, 0]);
  assertEquals([client.set.sendMemory, server.set.sendMemory, client.set.receiveMemory], [0, 0, 0]);
});

Deno.test("two StreamSets agree on credit after resets and stops in the midst of data", () => {
  const { client, server, pipe } = joined(NARROW, { seed: 2, loss: 0.05, paths: 2 });
  const near = new App(client);
  const far = new App(server);
  const random = randomFrom(3);
  let opened = 0;
  const live: number[] = [];
  run(pipe, [near, far], () => {
    if (opened === 200) return false;
    const id = client.set.open("unidirectional");
    if (id !== undefined) {
      opened++;
      near.send(id, 3000 + Math.floor(random() * 10_000));
      live.push(id);
    }
    if (random() < 0.1 && live.length > 0) {
      const victim = live.splice(Math.floor(random() * live.length), 1)[0]!;
      if (random() < 0.5) near.reset(victim, 5);
      else if (server.set.stats(victim) !== undefined) server.set.stopSending(victim, 6);
    }
    return true;
  });
  assert(far.resets.size > 5, `${far.resets.size} resets`);
  assert(near.stopped.size > 5, `${near.stopped.size} stops`);
  assertEquals([client.set.openCount, server.set.openCount], [0, 0]);
  assertEquals([client.set.backlog, client.set.sendMemory, server.set.receiveMemory], [0, 0, 0]);
  // All credit came back: a stream can use the whole window, again and again.
  const last = client.set.open("unidirectional")!;
  near.send(last, 500_000);
  run(pipe, [near, far]);
  assertEquals([far.read.get(last), far.ended.has(last)], [500_000, true]);
});

Deno.test("two StreamSets deliver whatever happens", () => {
  const operation = fc.record({
    what: fc.constantFrom("open", "open", "server", "reset", "stop", "run"),
    bytes: fc.nat(30_000),
    pick: fc.nat(100),
    uni: fc.boolean(),
  });
  const pipe = fc.record({
    seed: fc.nat(),
    loss: fc.constantFrom(0, 0.02, 0.2),
    paths: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(operation, { size: "max", maxLength: 40 }), pipe, (operations, options) => {
      const it = joined(NARROW, { ...options, spurious: 0.02 });
      const apps = [new App(it.client, (id) => id * 100), new App(it.server, (id) => id * 200)] as const;
      const ids: { id: number; from: App; to: App; bytes: number; broken: boolean }[] = [];
      for (const { what, bytes, pick, uni } of operations) {
        const stream = ids[pick % Math.max(1, ids.length)];
        if (what === "open" || what === "server") {
          const [from, to] = what === "open" ? apps : [apps[1], apps[0]];
          const id = from.end.set.open(uni ? "unidirectional" : "bidirectional");
          if (id !== undefined) {
            from.send(id, bytes);
            ids.push({ id, from, to, bytes, broken: false });
          }
        } else if (what === "reset" && stream !== undefined) {
          stream.from.reset(stream.id, pick);
          stream.broken = true;
        } else if (what === "stop" && stream?.to.end.set.stats(stream.id) !== undefined) {
          stream.to.end.set.stopSending(stream.id, pick);
          stream.broken = true;
        }
        for (let i = 0; i < pick % 30; i++) {
          it.pipe.step();
          for (const app of apps) app.run();
        }
      }
      run(it.pipe, apps);
      for (const { id, to, bytes, broken } of ids) {
        if (!broken) assertEquals([to.read.get(id) ?? 0, to.ended.has(id)], [bytes, true]);
      }
      assertEquals([it.client.set.openCount, it.server.set.openCount], [0, 0]);
      assertEquals([it.client.set.sendMemory, it.server.set.sendMemory], [0, 0]);
    }),
    { numRuns: 60 },
  );
});

Deno.test("StreamSet keeps its memory flat over 10,000 streams opened and closed", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const client = new End("client");
  const server = new End("server");
  const pipe = new Pipe(client, server, { seed: 5, loss: 0.01 });
  const near = new App(client);
  const far = new App(server, () => 20);
  let opened = 0;
  const openTo = (count: number): number => {
    run(pipe, [near, far], () => {
      while (opened < count) {
        const id = client.set.open(opened % 4 === 0 ? "unidirectional" : "bidirectional");
        if (id === undefined) break;
        near.send(id, 100);
        if (opened++ % 10 === 3) near.reset(id, 1);
      }
      assert(client.set.openCount <= 200 && server.set.openCount <= 200);
      return opened < count;
    });
    assertEquals([client.set.openCount, server.set.openCount], [0, 0]);
    for (const app of [near, far]) app.forget();
    collect();
    return Deno.memoryUsage().heapUsed;
  };
  const before = openTo(2000);
  const after = openTo(10_000);
  // 100 bytes kept for each stream would be 800,000.
  assert(after - before < 500_000, `${before}, then ${after}`);
});

Deno.test("StreamSet remembers why only of the last streams", () => {
  const client = new End("client");
  const ids: number[] = [];
  for (let i = 0; i < 2000; i++) {
    const id = client.set.open("unidirectional");
    if (id === undefined) break;
    ids.push(id);
    client.set.reset(id, 1);
    const packet = client.packet();
    packet.acked();
    client.receive(Object.assign(packet, { frames: [] }));
    client.set.setPeerLimits({ ...WIDE, initialMaxStreamsUni: 101 + i });
  }
  const why = (id: number) => {
    try {
      return client.set.write(id, new Uint8Array(1));
    } catch (error) {
      return error instanceof StreamError ? "reset" : error instanceof RangeError ? "finished" : error;
    }
  };
  assertEquals(ids.length, 2000);
  assertEquals([why(ids[0]!), why(ids.at(-1)!)], ["finished", "reset"]);
});
