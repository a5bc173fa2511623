import { assert, assertEquals } from "@std/assert";
import { facing, type LocalInterface, localInterfaces, watchInterfaces } from "./interfaces.ts";

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

function at(name: string, address: string): LocalInterface {
  return { name, address, version: address.includes(":") ? 6 : 4, loopback: name === "lo" };
}

Deno.test("facing() finds the addresses from which a host may be reached, one of each interface first", () => {
  const all = [
    at("lo", "127.0.0.1"),
    at("lo", "::1"),
    at("wlan0", "192.168.1.20"),
    at("wlan0", "192.168.1.21"),
    at("wlan0", "2001:db8::20"),
    at("wlan0", "fe80::1%wlan0"),
    at("eth0", "169.254.3.4"),
    at("wwan0", "10.44.0.7"),
    at("wwan0", "fe80::1%wwan0"),
  ];
  const from = (remote: string): string[] => facing(all, remote).map(({ address }) => address);
  assertEquals(from("203.0.113.1"), ["192.168.1.20", "10.44.0.7", "192.168.1.21"]);
  assertEquals(from("127.0.0.1"), ["127.0.0.1"]);
  assertEquals(from("::1"), ["::1"]);
  assertEquals(from("2001:db8::1"), ["2001:db8::20"]);
  assertEquals(from("169.254.9.9"), ["169.254.3.4"]);
  assertEquals(from("fe80::9%wwan0"), ["fe80::1%wwan0"]);
});
