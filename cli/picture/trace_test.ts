import { assert, assertEquals } from "@std/assert";
import { parseScenario, type Scenario } from "../../tests/kit/scenario/mod.ts";
import { runScenario } from "../../tests/kit/sim/run.ts";
import type { Observer, TraceEvents, TraceName } from "@multipath/quic";
import { EndTrace } from "./trace.ts";

function scenarioOf(name: string, overrides: Record<string, string> = {}): Scenario {
  const file = new URL(`../../tests/scenarios/${name}.json`, import.meta.url);
  return parseScenario(Deno.readTextFileSync(file), `${name}.json`, { overrides });
}

/** Compares what the trace adds up with what the connection says, each time that it does. */
class Compared implements Observer {
  readonly trace = new EndTrace();
  readonly differences: string[] = [];
  compared = 0;

  on<N extends TraceName>(name: N, data: TraceEvents[N], now: number): void {
    this.trace.on(name, data, now);
    if (name !== "quic:metrics_updated") return;
    const { path, inFlight } = data as TraceEvents["quic:metrics_updated"];
    const counted = this.trace.paths.find(({ id }) => id === path)?.inFlight.values.at(-1) ?? 0;
    this.compared++;
    if (counted !== inFlight) this.differences.push(`path ${path} at ${now}: ${counted} instead of ${inFlight}`);
  }
}

Deno.test("EndTrace counts as many bytes in flight as the connection, at every acknowledgement", () => {
  for (const name of ["handover", "siri", "basic", "abandon", "standup"]) {
    const [client, server] = [new Compared(), new Compared()];
    assert(runScenario(scenarioOf(name), { crypto: "plain", observers: { client, server } }).completed);
    assertEquals(client.differences, [], `${name}, client`);
    assertEquals(server.differences, [], `${name}, server`);
    assert(client.compared > 10 && server.compared > 10);
  }
});

Deno.test("EndTrace knows losses, data and copies as the result has them", () => {
  const server = new EndTrace();
  const result = runScenario(scenarioOf("redundant"), { crypto: "plain", observers: { server } });
  assertEquals(server.paths.map(({ id, lost }) => [id, lost.length]), result.paths.map((p) => [p.id, p.down.lost]));
  for (const { data, copies, dataBytes } of server.paths) {
    assert(copies.length > 0 && copies.length < data.length && dataBytes > 0);
    assert(data.every((at, i) => i === 0 || at >= data[i - 1]!));
  }
});

Deno.test("EndTrace follows what a path is good for", () => {
  const [client, server] = [new EndTrace(), new EndTrace()];
  runScenario(scenarioOf("handover"), { crypto: "plain", observers: { client, server } });
  for (const { paths } of [client, server]) {
    const phases = paths.map((path) => path.phases.map(({ phase }) => phase));
    assertEquals(phases[0]?.[0], "available");
    assert(phases[0]?.includes("suspended"));
    assertEquals(phases[0]?.at(-1), "available");
    assertEquals(phases[1]?.slice(0, 2), ["validating", "available"]);
    for (const each of phases) assert(each.every((phase, i) => phase !== each[i - 1]));
  }
  const abandoned = new EndTrace();
  runScenario(scenarioOf("abandon"), { crypto: "plain", observers: { server: abandoned } });
  const first = abandoned.paths[0];
  assert(first?.closed !== undefined && first.closed.code !== 0);
  assert(first.phases.some(({ phase }) => phase === "closing"));
});
