import { assertEquals } from "@std/assert";
import { Pair } from "./pair.ts";
import { Rogue } from "./rogue.ts";

for (const role of ["client", "server"] as const) {
  Deno.test(`Rogue speaks for the ${role} and opens what the other end answers`, () => {
    const pair = new Pair().confirm();
    pair.world.runFor(1000);
    const rogue = new Rogue(pair, role).takeOver();
    rogue.send({ frames: [{ kind: "ping" }] });
    rogue.send({ frames: [{ kind: "ping" }] });
    assertEquals(rogue.frames("ack").length, 2);
    const id = rogue.victim.openStream("unidirectional")!;
    rogue.victim.write(id, new TextEncoder().encode("to the rogue"));
    pair.world.runFor(10);
    assertEquals(rogue.frames("stream").map((f) => new TextDecoder().decode(f.data)), ["to the rogue"]);
    rogue.acknowledge();
    assertEquals(rogue.victim.state, "connected");
    assertEquals(rogue.victimTrace.count("quic:packets_acked", (d) => d.level === "application") > 0, true);
  });
}

Deno.test("Rogue forges packets of the handshake levels", () => {
  const pair = new Pair();
  pair.world.runFor(20);
  const rogue = new Rogue(pair, "client").takeOver();
  rogue.send([{ level: "initial", frames: [{ kind: "ping" }] }]);
  pair.world.runFor(1);
  assertEquals(rogue.frames("ack").length > 0, true);
  rogue.send([{ level: "handshake", frames: [{ kind: "ping" }] }]);
  assertEquals(pair.serverTrace.count("quic:key_discarded", (d) => d.keyType === "initial"), 1);
});
