/** The first plugin of `schedulers/README.md`, as it stands there, and its promise. */
import { assertEquals } from "@std/assert";
import { fastest, isHealthy, minRtt, type Scheduler, send } from "../../schedulers/mod.ts";
import { connectionView, pathView, testScheduler, workOf } from "../kit/mod.ts";

function wifiFirst(): Scheduler {
  const others = minRtt();
  return {
    name: "wifi-first",
    schedule(work, view) {
      const wifi = fastest(
        view,
        (p) => p.label === "wifi" && p.status === "available" && p.room > 0 && isHealthy(p, view.now),
      );
      return wifi ? send(wifi) : others.schedule(work, view);
    },
  };
}

testScheduler("wifi-first", wifiFirst);

Deno.test("wifiFirst() uses Wi-Fi as long as it has room", () => {
  const paths = [pathView(0, { label: "cell", srtt: 5 }), pathView(1, { label: "wifi" })];
  assertEquals(wifiFirst().schedule(workOf(), connectionView(paths)).path, 1);
  paths[1]!.room = 0;
  assertEquals(wifiFirst().schedule(workOf(), connectionView(paths)).path, 0);
});
