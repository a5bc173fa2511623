import { assertEquals } from "@std/assert";
import { Rtt } from "../rtt.ts";
import { CONTROLLER_NAMES, controllerByName } from "./controllers.ts";

Deno.test("controllerByName() knows every name that it lists, and no other", () => {
  for (const name of CONTROLLER_NAMES) {
    assertEquals(controllerByName(name)?.({ mtu: 1200, rtt: new Rtt(), siblings: [] }).name, name);
  }
  assertEquals(controllerByName("constructor"), undefined);
});
