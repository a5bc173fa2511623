import { assertEquals } from "@std/assert";
import type { PathEvent, PathStats } from "../mod.ts";
import { PathLedger } from "./path_ledger.ts";

function stats(id: number, label: string, bytesReceived: number): PathStats {
  const local = { hostname: "192.0.2.1", port: 1 };
  return { id, label, local, remote: { hostname: "192.0.2.9", port: 443 }, bytesReceived } as PathStats;
}

/** A ledger that has heard of these, the first of which is still there. */
async function ledgerOf(events: readonly [change: string, path: PathStats][]): Promise<PathLedger> {
  async function* pathEvents(): AsyncGenerator<PathEvent> {
    for (const [change, path] of events) yield { type: "path", change, reason: "reasons", path } as PathEvent;
  }
  const paths = [stats(0, "cell", 1000)];
  const conn = { stats: () => ({ paths }), pathEvents: pathEvents() };
  const ledger = new PathLedger(conn as unknown as ConstructorParameters<typeof PathLedger>[0]);
  await new Promise((resolve) => setTimeout(resolve));
  return ledger;
}

Deno.test("PathLedger tells once of a path that nobody answers on, however often it is tried", async () => {
  const tries = [1, 2, 3].map((id): [string, PathStats] => ["closed", stats(id, "wifi", 0)]);
  const ledger = await ledgerOf(tries);
  assertEquals(ledger.notes, ["path 1 (wifi) is over: reasons"]);
  assertEquals(ledger.all().map(({ id }) => id), [0, 3]);
});

Deno.test("PathLedger keeps each path that carried something", async () => {
  const ledger = await ledgerOf([["closed", stats(1, "wifi", 10)], ["suspended", stats(2, "wifi", 10)], [
    "closed",
    stats(2, "wifi", 20),
  ]]);
  assertEquals(ledger.notes, [
    "path 1 (wifi) is over: reasons",
    "path 2 (wifi) is suspended: reasons",
    "path 2 (wifi) is over: reasons",
  ]);
  assertEquals(ledger.all().map(({ id }) => id), [0, 1, 2]);
});

Deno.test("PathLedger tells of a scheduler's first fault, and when it is replaced", async () => {
  const faults = Array.from({ length: 8 }, (): [string, PathStats] => ["scheduler-fault", stats(0, "cell", 1)]);
  const ledger = await ledgerOf([...faults, ["scheduler-replaced", stats(0, "cell", 1)]]);
  assertEquals(ledger.notes, [
    "min-rtt answers in place of the scheduler reasons",
    "min-rtt takes the place of the scheduler reasons",
  ]);
});
