import { assertEquals, assertRejects } from "@std/assert";
import { MAX_PATH_EVENTS, MAX_UNREAD_PATH_EVENTS, PathFeed } from "./path_feed.ts";
import { unopened } from "./path_handle.ts";
import type { PathChange, PathEvent } from "./path_types.ts";

function event(change: PathChange, id: number): PathEvent {
  const address = { hostname: "127.0.0.1", port: 1 };
  return { type: "path", change, reason: "", code: 0, byPeer: false, path: unopened(id, address, address, {}) };
}

async function rest(events: AsyncIterable<PathEvent>): Promise<string[]> {
  const found: string[] = [];
  for await (const { change, path } of events) found.push(`${change} ${path.id}`);
  return found;
}

Deno.test("PathFeed gives each iterator all from its creation, and ends", async () => {
  const feed = new PathFeed();
  feed.push(event("opened", 0));
  const first = feed[Symbol.asyncIterator]();
  const waiting = first.next();
  feed.push(event("opened", 1));
  const second = feed[Symbol.asyncIterator]();
  feed.push(event("closed", 1));
  feed.end();
  assertEquals((await waiting).value?.path.id, 1);
  assertEquals(await rest(first), ["closed 1"]);
  assertEquals(await rest(second), ["closed 1"]);
  assertEquals(await rest(feed), []);
});

Deno.test("PathFeed wakes those who wait when it ends, and those who leave", async () => {
  const feed = new PathFeed();
  const [first, second] = [feed[Symbol.asyncIterator](), feed[Symbol.asyncIterator]()];
  const waiting = [first.next(), first.next()];
  await first.return?.();
  assertEquals(await Promise.all(waiting), [{ done: true, value: undefined }, { done: true, value: undefined }]);
  const last = second.next();
  feed.push(event("opened", 0));
  feed.end();
  assertEquals((await last).done, false);
  assertEquals((await second.next()).done, true);
  assertEquals((await first.next()).done, true);
});

Deno.test("PathFeed drops the oldest changes of an iterator that nobody reads, and no opening or closing", async () => {
  const feed = new PathFeed();
  const iterator = feed[Symbol.asyncIterator]();
  feed.push(event("opened", 0));
  for (let i = 0; i < 3 * MAX_PATH_EVENTS; i += 1) feed.push(event("status", i));
  feed.push(event("closed", 0));
  feed.end();
  const found = await rest(iterator);
  assertEquals([found.length, found[0], found.at(-1)], [MAX_PATH_EVENTS, "opened 0", "closed 0"]);
  assertEquals(found[1], `status ${2 * MAX_PATH_EVENTS + 2}`);
});

Deno.test("PathFeed fails an iterator that nobody reads rather than growing for ever", async () => {
  const feed = new PathFeed();
  const iterator = feed[Symbol.asyncIterator]();
  for (let i = 0; i <= MAX_UNREAD_PATH_EVENTS; i += 1) feed.push(event(i % 2 === 0 ? "opened" : "closed", i >> 1));
  await assertRejects(() => iterator.next(), Error, "Path events were not read");
  feed.push(event("opened", 0));
  assertEquals((await iterator.next()).done, true);
});
