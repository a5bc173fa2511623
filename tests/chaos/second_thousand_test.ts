/** In files of their own, so that both halves run at the same time. */
import { assertChaos } from "./suite.ts";

Deno.test("Connections keep every promise through chaos, in 1000 random runs from seed 1001", () =>
  assertChaos(1001, 1000));
