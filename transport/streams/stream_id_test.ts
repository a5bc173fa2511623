import { assertEquals } from "@std/assert";
import { indexOf, initiatorOf, isUnidirectional, kindOf, streamId } from "./stream_id.ts";

Deno.test("streamId() makes the ids of RFC 9000 table 1", () => {
  assertEquals(streamId("bidirectional", "client", 0), 0);
  assertEquals(streamId("bidirectional", "server", 0), 1);
  assertEquals(streamId("unidirectional", "client", 0), 2);
  assertEquals(streamId("unidirectional", "server", 0), 3);
  assertEquals(streamId("unidirectional", "server", 5), 23);
});

Deno.test("stream ids are read as they are made, above 2^32 too", () => {
  for (const index of [0, 1, 2 ** 30, 2 ** 31 + 1, 2 ** 50]) {
    for (const kind of ["bidirectional", "unidirectional"] as const) {
      for (const initiator of ["client", "server"] as const) {
        const id = streamId(kind, initiator, index);
        assertEquals([kindOf(id), isUnidirectional(id)], [kind, kind === "unidirectional"]);
        assertEquals(initiatorOf(id), initiator);
        assertEquals(indexOf(id), index);
      }
    }
  }
});
