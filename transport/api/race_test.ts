import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { type Attempt, race } from "./race.ts";

/** Attempts that are decided from outside. */
class Attempts {
  readonly started: string[] = [];
  readonly cancelled: string[] = [];
  readonly #settle = new Map<string, PromiseWithResolvers<string>>();
  #onStart: (() => void) | undefined;

  readonly start = (name: string): Attempt<string> => {
    const deferred = Promise.withResolvers<string>();
    this.started.push(name);
    this.#settle.set(name, deferred);
    this.#onStart?.();
    return {
      result: deferred.promise,
      cancel: () => {
        this.cancelled.push(name);
        deferred.reject(new Error(`${name} cancelled`));
      },
    };
  };

  succeed(name: string): void {
    this.#settle.get(name)!.resolve(name);
  }

  fail(name: string): void {
    this.#settle.get(name)!.reject(new Error(`${name} failed`));
  }

  async begun(count: number): Promise<void> {
    while (this.started.length < count) await new Promise<void>((resolve) => this.#onStart = resolve);
  }
}

Deno.test("race() starts the next attempt when the last takes long, and cancels the losers", async () => {
  const attempts = new Attempts();
  const result = race(["a", "b", "c"], attempts.start, { delay: 1 });
  assertEquals(attempts.started, ["a"]);
  await attempts.begun(3);
  attempts.succeed("b");
  assertEquals(await result, "b");
  assertEquals(attempts.cancelled, ["a", "c"]);
});

Deno.test("race() moves on at once after a failure", async () => {
  const attempts = new Attempts();
  const result = race(["a", "b"], attempts.start, { delay: 60_000 });
  attempts.fail("a");
  await attempts.begun(2);
  attempts.succeed("b");
  assertEquals(await result, "b");
  assertEquals(attempts.cancelled, []);
});

Deno.test("race() rejects with all failures, in the candidates' order", async () => {
  const attempts = new Attempts();
  const result = race(["a", "b", "c"], attempts.start, { delay: 1 });
  await attempts.begun(3);
  for (const name of ["c", "a", "b"]) attempts.fail(name);
  const error = await assertRejects(() => result, AggregateError);
  assertEquals(error.errors.map((each: Error) => each.message), ["a failed", "b failed", "c failed"]);
});

Deno.test("race() takes a start that throws as a failure", async () => {
  const attempts = new Attempts();
  const start = (name: string): Attempt<string> => {
    if (name === "a") throw new TypeError("cannot start");
    return attempts.start(name);
  };
  const result = race(["a", "b"], start, { delay: 60_000 });
  attempts.succeed("b");
  assertEquals(await result, "b");
  const none = await assertRejects(() => race(["a"], start), AggregateError);
  assertInstanceOf(none.errors[0], TypeError);
  await assertRejects(() => race([], start), AggregateError);
});

Deno.test("race() stops at the signal, before and while it runs", async () => {
  const attempts = new Attempts();
  const stop = new AbortController();
  const result = race(["a", "b"], attempts.start, { delay: 60_000, signal: stop.signal });
  stop.abort(new Error("enough"));
  await assertRejects(() => result, Error, "enough");
  assertEquals([attempts.started, attempts.cancelled], [["a"], ["a"]]);
  await assertRejects(() => race(["c"], attempts.start, { signal: stop.signal }), Error, "enough");
  assertEquals(attempts.started, ["a"]);
});

Deno.test("race() cancels once, also an attempt that succeeds in the same moment", async () => {
  const attempts = new Attempts();
  const result = race(["a", "b"], attempts.start, { delay: 1 });
  await attempts.begun(2);
  attempts.succeed("a");
  attempts.succeed("b");
  assertEquals(await result, "a");
  assertEquals(attempts.cancelled, ["b"]);
});
