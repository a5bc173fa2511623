import { assert, assertEquals, assertFalse, assertNotStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ConnectionId, idKey } from "./connection_id.ts";
import { WireError } from "./reader.ts";

Deno.test("idKey() is the same for the same bytes only", () => {
  const ids = fc.uint8Array({ maxLength: 20 });
  fc.assert(fc.property(ids, ids, (a, b) => (idKey(a) === idKey(b)) === (a.toHex() === b.toHex())));
});

Deno.test("idKey() of a part of a packet is the key of the ConnectionId with these bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), fc.uint8Array(), fc.uint8Array(), (id, before, after) => {
    const packet = Uint8Array.of(...before, ...id, ...after);
    assertEquals(idKey(packet, before.length, id.length), new ConnectionId(id).key);
  }));
});

Deno.test("ConnectionId keeps its bytes when the packet changes", () => {
  const packet = Uint8Array.of(1, 2, 3);
  const id = new ConnectionId(packet);
  packet.fill(9);
  assertEquals([...id.bytes], [1, 2, 3]);
  assertNotStrictEquals(id.bytes.buffer, packet.buffer);
  assertEquals(id.length, 3);
  assertEquals(`${id}`, "010203");
});

Deno.test("ConnectionId.equals() compares bytes", () => {
  const id = new ConnectionId(Uint8Array.of(0, 1));
  assert(id.equals(new ConnectionId(Uint8Array.of(0, 1))));
  assertFalse(id.equals(new ConnectionId(Uint8Array.of(0, 1, 0))));
  assert(new ConnectionId(new Uint8Array(0)).equals(new ConnectionId(new Uint8Array(0))));
});

Deno.test("ConnectionId refuses more than 20 bytes", () => {
  assertEquals(new ConnectionId(new Uint8Array(20)).length, 20);
  assertThrows(() => new ConnectionId(new Uint8Array(21)), WireError, "must have at most 20");
});
