import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./ip_text.ts";
import { ParameterError } from "./parameter_error.ts";
import { readPreferredAddress, writePreferredAddress } from "./preferred_address.ts";

const TOKEN = "000102030405060708090a0b0c0d0e0f";
const BOTH = "c0000201" + "01bb" + "20010db8000000000000000000000001" + "1f90" + "04" + "aabbccdd" + TOKEN;

Deno.test("readPreferredAddress() reads the layout of RFC 9000 §18.2, and writePreferredAddress() writes it", () => {
  const address = readPreferredAddress(Uint8Array.fromHex(BOTH));
  assertEquals(address, {
    ipv4: { hostname: "192.0.2.1", port: 443 },
    ipv6: { hostname: "2001:db8::1", port: 8080 },
    connectionId: Uint8Array.fromHex("aabbccdd"),
    statelessResetToken: Uint8Array.fromHex(TOKEN),
  });
  assertEquals(writePreferredAddress(address).toHex(), BOTH);
});

Deno.test("readPreferredAddress() takes an all-zero family for not offered", () => {
  const hex = "00".repeat(6) + "00".repeat(18) + "01" + "aa" + TOKEN;
  const address = readPreferredAddress(Uint8Array.fromHex(hex));
  assertEquals([address.ipv4, address.ipv6], [undefined, undefined]);
  assertEquals(writePreferredAddress(address).toHex(), hex);
});

Deno.test("readPreferredAddress() refuses ids of 0 and of more than 20 bytes", () => {
  const head = "00".repeat(24);
  const read = (hex: string) => readPreferredAddress(Uint8Array.fromHex(hex));
  assertThrows(() => read(head + "00" + TOKEN), ParameterError, "preferred_address has a connection id of 0 bytes");
  assertThrows(() => read(head + "15" + "00".repeat(21) + TOKEN), ParameterError, "id of 21 bytes");
  assertEquals(read(head + "14" + "00".repeat(20) + TOKEN).connectionId.length, 20);
});

Deno.test("readPreferredAddress() refuses each cut and any byte too many", () => {
  const bytes = Uint8Array.fromHex(BOTH);
  for (let end = 0; end < bytes.length; end++) {
    assertThrows(() => readPreferredAddress(bytes.subarray(0, end)), ParameterError, "preferred_address");
  }
  assertThrows(() => readPreferredAddress(Uint8Array.of(...bytes, 0)), ParameterError, "must have 45");
});

Deno.test("writePreferredAddress() refuses what has no place in it", () => {
  const address = readPreferredAddress(Uint8Array.fromHex(BOTH));
  for (const hostname of ["example.com", "2001:db8::1", "1.2.3"]) {
    assertThrows(() => writePreferredAddress({ ...address, ipv4: { hostname, port: 1 } }), ParameterError, hostname);
  }
  assertThrows(() => writePreferredAddress({ ...address, ipv6: { hostname: "192.0.2.1", port: 1 } }), ParameterError);
  assertThrows(() => writePreferredAddress({ ...address, ipv4: { hostname: "1.2.3.4", port: 0 } }), ParameterError);
  assertThrows(() => writePreferredAddress({ ...address, connectionId: new Uint8Array(0) }), ParameterError);
  assertThrows(() => writePreferredAddress({ ...address, statelessResetToken: new Uint8Array(15) }), ParameterError);
});

Deno.test("formatIpv6() shortens as RFC 5952 §4 says", () => {
  const format = (hex: string) => formatIpv6(Uint8Array.fromHex(hex));
  assertEquals(format("00000000000000000000000000000000"), "::");
  assertEquals(format("00000000000000000000000000000001"), "::1");
  assertEquals(format("fe800000000000000000000000000000"), "fe80::");
  assertEquals(format("20010db8000000010001000100010001"), "2001:db8:0:1:1:1:1:1");
  assertEquals(format("20010000000000010000000000000001"), "2001:0:0:1::1");
  assertEquals(format("20010db8000000000001000000000001"), "2001:db8::1:0:0:1");
});

Deno.test("parseIpv6() takes every form and nothing else", () => {
  const parse = (text: string) => parseIpv6(text)?.toHex();
  assertEquals(parse("::"), "00".repeat(16));
  assertEquals(parse("::ffff:192.0.2.1"), "00000000000000000000ffffc0000201");
  assertEquals(parse("2001:DB8::1"), "20010db8000000000000000000000001");
  assertEquals(parse("1:2:3:4:5:6:7::"), "00010002000300040005000600070000");
  const wrong = [
    "",
    ":",
    ":::",
    "1",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1::2::3",
    "12345::",
    "g::",
    "fe80::1%2",
  ];
  for (const text of [...wrong, "1.2.3.4", "1.2.3.4::", "::1.2.3", "::1.2.3.256"]) {
    assertEquals(parse(text), undefined, text);
  }
});

Deno.test("parseIpv4() and parseIpv6() give back the bytes of formatIpv4() and formatIpv6()", () => {
  const byte = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(255));
  fc.assert(fc.property(fc.array(byte, { minLength: 16, maxLength: 16 }), (values) => {
    const bytes = Uint8Array.from(values);
    assertEquals(parseIpv6(formatIpv6(bytes)), bytes);
    assertEquals(parseIpv4(formatIpv4(bytes.subarray(0, 4))), bytes.slice(0, 4));
  }));
});
