import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { connectionView, pathView, type PlainPath, workOf } from "../tests/kit/views.ts";
import { loadBalance, type LoadBalanceOptions } from "./load_balance.ts";
import type { Scheduler, SchedulerHost } from "./scheduler.ts";
import { weighted } from "./weighted.ts";

const HOST: SchedulerHost = { random: () => 0.5, wakeAt() {}, probe() {}, setStatus() {}, log() {} };
const work = workOf();

/** Sends packets of these sizes in turn where the scheduler says; the bytes of each path, and how often it held. */
function send(
  scheduler: Scheduler,
  paths: readonly PlainPath[],
  packets: number,
  sizes: readonly number[] = [1200],
): { bytes: number[]; held: number } {
  const view = connectionView(paths);
  const before = paths.map((path) => path.bytesSent);
  let held = 0;
  for (let i = 0; i < packets; i++) {
    const path = paths.find(({ id }) => id === scheduler.schedule(work, view).path);
    if (path === undefined) held++;
    else path.bytesSent += sizes[i % sizes.length]!;
  }
  return { bytes: paths.map((path, i) => path.bytesSent - before[i]!), held };
}

const wifi = (changes: Partial<PlainPath> = {}) => pathView(0, { label: "wifi", ...changes });
const cell = (changes: Partial<PlainPath> = {}) => pathView(1, { label: "cell", ...changes });

function balance(percentages?: Record<string, number>, options?: LoadBalanceOptions): Scheduler {
  return loadBalance(percentages, options)(HOST);
}

Deno.test("weighted() shares bytes by weight, whatever the size of packets", () => {
  const { bytes: [first, second] } = send(weighted({ wifi: 3, cell: 1 })(HOST), [wifi(), cell()], 4000, [
    1200,
    60,
    700,
  ]);
  assertAlmostEquals(first! / second!, 3, 0.05);
});

Deno.test("weighted() knows paths by label, by id and by a function, and gives others weight 1", () => {
  const byId = send(weighted({ "0": 4 })(HOST), [pathView(0), pathView(1)], 1000).bytes;
  assertAlmostEquals(byId[0]! / byId[1]!, 4, 0.1);
  const by = weighted(({ deliveryRate }) => deliveryRate)(HOST);
  const { bytes } = send(by, [wifi({ deliveryRate: 10 }), cell({ deliveryRate: 20 })], 1000);
  assertAlmostEquals(bytes[1]! / bytes[0]!, 2, 0.05);
});

Deno.test("weighted() gives what a full path cannot take to others, and owes it little for that", () => {
  const scheduler = weighted({ wifi: 1, cell: 1 })(HOST);
  const [first, second] = [wifi({ room: 0 }), cell()];
  assertEquals(send(scheduler, [first, second], 1000).bytes, [0, 1_200_000]);
  first.room = 12_000;
  const { bytes: [late, other] } = send(scheduler, [first, second], 1000);
  assert(late! - other! > 20_000 && late! - other! < 40_000, `${late} and ${other}`);
});

Deno.test("weighted() uses a path of weight 0 only when there is no other, and backups likewise", () => {
  const scheduler = weighted({ wifi: 1, cell: 0 })(HOST);
  const spare = pathView(2, { status: "backup" });
  assertEquals(send(scheduler, [wifi(), cell(), spare], 100).bytes, [120_000, 0, 0]);
  assertEquals(send(scheduler, [cell(), spare], 100).bytes, [120_000, 0]);
  assertEquals(send(scheduler, [spare], 100).bytes, [120_000]);
});

Deno.test("weighted() gives a path that comes later its share, not what it missed", () => {
  const scheduler = weighted()(HOST);
  const first = wifi();
  send(scheduler, [first], 1000);
  const { bytes: [one, other] } = send(scheduler, [first, cell({ bytesSent: 5000 })], 1000);
  assert(other! - one! < 40_000, `${one} and ${other}`);
});

Deno.test("weighted() refuses weights that are none", () => {
  assertThrows(() => weighted({ wifi: -1 }), RangeError, 'Weight of "wifi" is -1: expected a number from 0');
  const scheduler = weighted(() => NaN)(HOST);
  assertThrows(() => scheduler.schedule(work, connectionView([wifi()])), RangeError, "Weight of path 0 is NaN");
});

Deno.test("loadBalance() keeps to its percentages by bytes", () => {
  const { bytes: [first, second] } = send(balance({ wifi: 80, cell: 20 }), [wifi(), cell()], 5000, [1200, 60, 700]);
  assertAlmostEquals(first! / (first! + second!), 0.8, 0.005);
  const { bytes } = send(balance(), [wifi(), cell(), pathView(2)], 3000);
  assertEquals(bytes, [1_200_000, 1_200_000, 1_200_000]);
});

Deno.test("loadBalance() waits for a full path whose turn it is, or spills when it may", () => {
  const paths = () => [wifi({ room: 0, inFlight: 12_000, oldestUnackedAt: 0 }), cell()];
  const { bytes, held } = send(balance({ wifi: 50, cell: 50 }), paths(), 100);
  assert(held >= 98 && bytes[1]! <= 2400, `held ${held} times, ${bytes}`);
  assertEquals(send(balance({ wifi: 50, cell: 50 }, { spill: true }), paths(), 100), { bytes: [0, 120_000], held: 0 });
});

Deno.test("loadBalance() never waits for a path that has nothing in flight", () => {
  assertEquals(send(balance({ wifi: 50, cell: 50 }), [wifi({ room: 0 }), cell()], 100).held, 0);
});

Deno.test("loadBalance() gives the part of a path that fails to the others in proportion", () => {
  const settings = { wifi: 50, cell: 30, dsl: 20 };
  const dead = wifi({ ptoCount: 1 });
  const { bytes } = send(balance(settings), [dead, cell(), pathView(2, { label: "dsl" })], 1000);
  assertEquals(bytes[0], 0);
  assertAlmostEquals(bytes[1]! / bytes[2]!, 1.5, 0.05);
});

Deno.test("loadBalance() uses paths that are not named, or with 0, only when there is no other", () => {
  const others = [cell(), pathView(2, { label: "guest" })];
  assertEquals(send(balance({ wifi: 100, cell: 0 }), [wifi(), ...others], 100).bytes, [120_000, 0, 0]);
  assertEquals(send(balance({ wifi: 100, cell: 0 }), others, 100).bytes, [60_000, 60_000]);
});

Deno.test("loadBalance() refuses percentages that make no whole", () => {
  assertThrows(() => loadBalance({ wifi: 80, cell: 30 }), RangeError, "Percentages add up to 110: expected 100");
  assertThrows(() => loadBalance({ wifi: 120, cell: -20 }), RangeError, 'Percentage of "wifi" is 120');
  assertThrows(() => loadBalance({}), RangeError, "Percentages add up to 0");
});
