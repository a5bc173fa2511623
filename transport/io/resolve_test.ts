import { assertEquals, assertRejects } from "@std/assert";
import { ResolveError, resolveHost } from "./resolve.ts";

function never(): Promise<string[]> {
  throw new Error("The system must not be asked");
}

Deno.test("resolveHost() answers for literals and localhost itself", async () => {
  assertEquals(await resolveHost("192.0.2.7", never), ["192.0.2.7"]);
  assertEquals(await resolveHost("[2001:db8::1]", never), ["2001:db8::1"]);
  assertEquals(await resolveHost("localhost", never), ["::1", "127.0.0.1"]);
  assertEquals(await resolveHost("Test.LocalHost.", never), ["::1", "127.0.0.1"]);
});

Deno.test("resolveHost() lets the families take turns and drops duplicates", async () => {
  const ask = () =>
    Promise.resolve(["2001:db8::1", "2001:db8::2", "2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  assertEquals(await resolveHost("example.com", ask), [
    "2001:db8::1",
    "192.0.2.1",
    "2001:db8::2",
    "192.0.2.2",
    "192.0.2.3",
  ]);
  assertEquals(await resolveHost("four.example", () => Promise.resolve(["192.0.2.1"])), ["192.0.2.1"]);
});

Deno.test("resolveHost() says which name failed and why", async () => {
  const notFound = () => Promise.reject(Object.assign(new Error("x"), { code: "ENOTFOUND" }));
  await assertRejects(() => resolveHost("nowhere.example", notFound), ResolveError, '"nowhere.example": ENOTFOUND');
  await assertRejects(() => resolveHost("empty.example", () => Promise.resolve([])), ResolveError, "has no address");
});
