import { assert, assertEquals } from "@std/assert";
import { type LocalInterface, localInterfaces, watchInterfaces } from "./interfaces.ts";

const WIFI: LocalInterface = { name: "wlan0", address: "192.0.2.20", version: 4, loopback: false };
const CELL: LocalInterface = { name: "wwan0", address: "198.51.100.7", version: 4, loopback: false };

Deno.test("localInterfaces() finds this machine's loopback address", () => {
  const loopback = localInterfaces().filter((each) => each.loopback);
  assert(loopback.some(({ address, version }) => address === "127.0.0.1" && version === 4));
});

Deno.test("watchInterfaces() tells the state, each change, and nothing else", async () => {
  const looks: (readonly LocalInterface[] | Error)[] = [
    [WIFI],
    [WIFI],
    new Error("no"),
    [CELL, WIFI],
    [WIFI, CELL],
    [],
  ];
  const told: (readonly LocalInterface[])[] = [];
  let done = (): void => {};
  const finished = new Promise<void>((resolve) => done = resolve);
  let look = 0;
  const watch = watchInterfaces((found) => told.push(found), {
    interval: 1,
    list() {
      const found = looks[Math.min(look, looks.length - 1)]!;
      look += 1;
      if (look > looks.length + 1) done();
      if (found instanceof Error) throw found;
      return found;
    },
  });
  // The timer does not keep a program running, so something else has to.
  const alive = setInterval(() => {}, 1000);
  await finished;
  clearInterval(alive);
  watch[Symbol.dispose]();
  assertEquals(told, [[WIFI], [CELL, WIFI], []]);
});
