import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HINTS_PARAMETER, SINGLE_SPACE_PARAMETER } from "./hints_codepoints.ts";
import { VARINT_SATURATED } from "./varint.ts";
import {
  defaultParameters,
  greaseParameter,
  isGreaseParameter,
  MAX_UNKNOWN_PARAMETER_LENGTH,
  MAX_UNKNOWN_PARAMETERS,
  ParameterError,
  readParameters,
  type TransportParameters,
  writeParameters,
} from "./transport_parameters.ts";

function read(hex: string, from: "client" | "server" = "server"): TransportParameters {
  return readParameters(Uint8Array.fromHex(hex), from);
}

function refuse(hex: string, message: string, from: "client" | "server" = "server"): void {
  assertThrows(() => read(hex, from), ParameterError, message);
}

const ADDRESS = "c0000201" + "01bb" + "20010db8000000000000000000000001" + "1f90" + "01" + "aa" + "11".repeat(16);

/** Every parameter once, and what it means. */
const EACH: [string, Partial<TransportParameters>][] = [
  ["00" + "08" + "0102030405060708", { originalDestinationConnectionId: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }],
  ["01" + "04" + "80007530", { maxIdleTimeout: 30_000 }],
  ["02" + "10" + "22".repeat(16), { statelessResetToken: new Uint8Array(16).fill(0x22) }],
  ["03" + "02" + "45ac", { maxUdpPayloadSize: 1452 }],
  ["04" + "04" + "80100000", { initialMaxData: 2 ** 20 }],
  ["05" + "02" + "4400", { initialMaxStreamDataBidiLocal: 1024 }],
  ["06" + "02" + "4401", { initialMaxStreamDataBidiRemote: 1025 }],
  ["07" + "02" + "4402", { initialMaxStreamDataUni: 1026 }],
  ["08" + "02" + "4064", { initialMaxStreamsBidi: 100 }],
  ["09" + "01" + "03", { initialMaxStreamsUni: 3 }],
  ["0a" + "01" + "14", { ackDelayExponent: 20 }],
  ["0b" + "02" + "7fff", { maxAckDelay: 16383 }],
  ["0c" + "00", { disableActiveMigration: true }],
  ["0d" + "2a" + ADDRESS, {
    preferredAddress: {
      ipv4: { hostname: "192.0.2.1", port: 443 },
      ipv6: { hostname: "2001:db8::1", port: 8080 },
      connectionId: Uint8Array.of(0xaa),
      statelessResetToken: new Uint8Array(16).fill(0x11),
    },
  }],
  ["0e" + "01" + "08", { activeConnectionIdLimit: 8 }],
  ["0f" + "00", { initialSourceConnectionId: new Uint8Array(0) }],
  ["10" + "03" + "aabbcc", { retrySourceConnectionId: Uint8Array.of(0xaa, 0xbb, 0xcc) }],
  ["20" + "04" + "8000ffff", { maxDatagramFrameSize: 65535 }],
  ["3e" + "08" + "c0000000ffffffff", { initialMaxPathId: 2 ** 32 - 1 }],
  ["6ab2" + "00", { greaseQuicBit: true }],
  ["c016a997ddfb8540" + "01" + "01", { hints: 1 }],
  ["c01bc8fd1124649a" + "01" + "01", { singleSpace: 1 }],
];

Deno.test("readParameters() and writeParameters() agree on the bytes of each parameter", () => {
  for (const [hex, expected] of EACH) {
    assertEquals(read(hex), { ...defaultParameters(), ...expected }, hex);
    assertEquals(writeParameters(expected).toHex(), hex);
  }
  const all = EACH.map(([hex]) => hex).join("");
  const everything = Object.assign({}, ...EACH.map(([, expected]) => expected));
  assertEquals(read(all), { ...defaultParameters(), ...everything });
  assertEquals(writeParameters(everything).toHex(), all);
});

Deno.test("readParameters() fills in the defaults of RFC 9000 §18.2", () => {
  const p = read("");
  assertEquals([p.maxIdleTimeout, p.maxUdpPayloadSize, p.ackDelayExponent, p.maxAckDelay], [0, 65527, 3, 25]);
  assertEquals([p.activeConnectionIdLimit, p.initialMaxData, p.initialMaxStreamsBidi], [2, 0, 0]);
  assertEquals([p.maxDatagramFrameSize, p.initialMaxPathId, p.greaseQuicBit], [0, undefined, false]);
  assertEquals(writeParameters(p).length, 0);
});

Deno.test("initial_max_path_id of 0 is not the same as none (RFC 10069 §2)", () => {
  assertEquals(read("3e0100").initialMaxPathId, 0);
  assertEquals(writeParameters({ initialMaxPathId: 0 }).toHex(), "3e0100");
});

Deno.test("The ids of private parameters are none of those that are reserved for grease", () => {
  assertFalse(isGreaseParameter(HINTS_PARAMETER));
  assertFalse(isGreaseParameter(SINGLE_SPACE_PARAMETER));
  assertEquals([read("").hints, read("").singleSpace], [undefined, undefined]);
});

Deno.test("readParameters() refuses values out of range", () => {
  refuse("03" + "02" + "44af", "max_udp_payload_size is 1199, must be at least 1200");
  assertEquals(read("03" + "02" + "44b0").maxUdpPayloadSize, 1200);
  refuse("0a" + "01" + "15", "ack_delay_exponent is 21, must be from 0 to 20");
  refuse("0b" + "04" + "80004000", "max_ack_delay is 16384, must be from 0 to 16383");
  refuse("0e" + "01" + "01", "active_connection_id_limit is 1, must be at least 2");
  refuse("08" + "08" + "d000000000000001", "initial_max_streams_bidi is above 2^60");
  refuse("09" + "08" + "d000000000000001", "initial_max_streams_uni is above 2^60");
  assertEquals(read("09" + "08" + "d000000000000000").initialMaxStreamsUni, VARINT_SATURATED);
  refuse("3e" + "08" + "c000000100000000", "initial_max_path_id is 4294967296, must be from 0 to 4294967295");
  refuse("3e" + "08" + "ffffffffffffffff", "initial_max_path_id");
  refuse("c016a997ddfb8540" + "01" + "00", "hints is 0, must be at least 1");
  refuse("c01bc8fd1124649a" + "01" + "00", "single_space is 0, must be at least 1");
});

Deno.test("readParameters() saturates what has no upper limit", () => {
  assertEquals(read("04" + "08" + "ffffffffffffffff").initialMaxData, VARINT_SATURATED);
  assertEquals(read("01" + "08" + "ffffffffffffffff").maxIdleTimeout, VARINT_SATURATED);
});

Deno.test("readParameters() refuses lengths that do not fit the value", () => {
  for (const id of ["01", "03", "04", "08", "0a", "0e", "20", "3e"]) {
    refuse(id + "00", "must be one whole varint");
    refuse(id + "01" + "44", "must be one whole varint");
    refuse(id + "03" + "44b0" + "00", "has 1 bytes after its varint");
  }
  refuse("0c" + "01" + "00", "disable_active_migration has 1 bytes, must have 0");
  refuse("6ab2" + "01" + "01", "grease_quic_bit has 1 bytes, must have 0");
  refuse("02" + "0f" + "22".repeat(15), "stateless_reset_token has 15 bytes, must have 16");
  refuse("02" + "11" + "22".repeat(17), "stateless_reset_token has 17 bytes, must have 16");
  for (const id of ["00", "0f", "10"]) refuse(id + "15" + "00".repeat(21), "has 21 bytes, must have 0 to 20");
  refuse("0d" + "29" + ADDRESS.slice(0, -2), "preferred_address has 41 bytes, must have 42");
});

Deno.test("readParameters() refuses what only a server may send from a client (RFC 9000 §18.2)", () => {
  const serverOnly = EACH.filter(([hex]) => ["00", "02", "0d", "10"].includes(hex.slice(0, 2)));
  assertEquals(serverOnly.length, 4);
  for (const [hex] of serverOnly) refuse(hex, "came from a client, only a server can send it", "client");
  for (const [hex] of EACH) if (!serverOnly.some(([other]) => other === hex)) read(hex, "client");
});

Deno.test("readParameters() refuses duplicates, known or not (RFC 9000 §7.4)", () => {
  refuse("0e0108" + "0c00" + "0e0108", "active_connection_id_limit is there twice");
  refuse("4064" + "00" + "4064" + "0101", "0x64 is there twice");
  refuse("0c00" + "400c00", "disable_active_migration is there twice");
});

Deno.test("readParameters() tells ids above 2^53-1 apart", () => {
  const p = read("ffffffffffffffff" + "00" + "fffffffffffffffe" + "00");
  assertEquals(p.unknown.size, 0);
  refuse("ffffffffffffffff" + "00" + "ffffffffffffffff" + "00", "is there twice");
});

Deno.test("readParameters() keeps copies of unknown parameters within its limits", () => {
  const bytes = Uint8Array.fromHex("1b" + "02" + "aabb" + "0c00");
  const p = readParameters(bytes, "client");
  bytes.fill(0);
  assertEquals([...p.unknown], [[0x1b, Uint8Array.of(0xaa, 0xbb)]]);
  assert(p.disableActiveMigration);

  const many = Array.from({ length: 200 }, (_, i) => ({ id: 0x1000 + i, value: Uint8Array.of(i) }));
  assertEquals(readParameters(writeParameters({}, many), "client").unknown.size, MAX_UNKNOWN_PARAMETERS);
  const long = [{ id: 0x1000, value: new Uint8Array(MAX_UNKNOWN_PARAMETER_LENGTH + 1) }];
  assertEquals(readParameters(writeParameters({}, long), "client").unknown.size, 0);
});

Deno.test("readParameters() copies ids and tokens", () => {
  const bytes = Uint8Array.fromHex("0f02aabb");
  const p = readParameters(bytes, "client");
  bytes.fill(0);
  assertEquals(p.initialSourceConnectionId, Uint8Array.of(0xaa, 0xbb));
});

Deno.test("readParameters() refuses a cut anywhere but between parameters", () => {
  const bytes = Uint8Array.fromHex(EACH.map(([hex]) => hex).join(""));
  const whole = new Set<number>();
  EACH.reduce((at, [hex]) => (whole.add(at), at + hex.length / 2), 0);
  for (let end = 0; end < bytes.length; end++) {
    if (whole.has(end)) readParameters(bytes.subarray(0, end), "server");
    else assertThrows(() => readParameters(bytes.subarray(0, end), "server"), ParameterError);
  }
});

Deno.test("readParameters() throws nothing but ParameterError on any bytes", () => {
  const known = EACH.map(([hex]) => Uint8Array.fromHex(hex));
  const part = fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.constantFrom(...known));
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 6 }),
      fc.nat(),
      fc.constantFrom("client", "server"),
      (parts, flip, from) => {
        const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
        if (bytes.length > 0) bytes[(flip >> 3) % bytes.length]! ^= flip & 7;
        try {
          readParameters(bytes, from);
          return true;
        } catch (error) {
          return error instanceof ParameterError;
        }
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("readParameters() gives back what writeParameters() wrote", () => {
  const id = fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined });
  const n = fc.oneof(fc.nat(100), fc.nat(20_000), fc.maxSafeNat());
  const parameters = fc.record({
    originalDestinationConnectionId: id,
    maxIdleTimeout: n,
    maxUdpPayloadSize: fc.integer({ min: 1200, max: 70_000 }),
    initialMaxData: n,
    initialMaxStreamDataBidiLocal: n,
    initialMaxStreamDataBidiRemote: n,
    initialMaxStreamDataUni: n,
    initialMaxStreamsBidi: n,
    initialMaxStreamsUni: n,
    ackDelayExponent: fc.nat(20),
    maxAckDelay: fc.nat(16383),
    disableActiveMigration: fc.boolean(),
    activeConnectionIdLimit: fc.integer({ min: 2, max: 100 }),
    initialSourceConnectionId: id,
    retrySourceConnectionId: id,
    maxDatagramFrameSize: n,
    greaseQuicBit: fc.boolean(),
    initialMaxPathId: fc.option(fc.nat(0xffff_ffff), { nil: undefined }),
  });
  const extra = fc.array(fc.record({ id: fc.nat(100).map((i) => 0x1000 + i), value: fc.uint8Array() }), {
    maxLength: 8,
  }).filter((list) => new Set(list.map(({ id }) => id)).size === list.length);
  fc.assert(fc.property(parameters, extra, (parameters, extra) => {
    const back = readParameters(writeParameters(parameters, extra), "server");
    const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
    const unknown = new Map(extra.map(({ id, value }) => [id, value]));
    assertEquals(back, { ...defaultParameters(), ...Object.fromEntries(given), unknown });
  }));
});

Deno.test("writeParameters() refuses what readParameters() would refuse", () => {
  const wrong: Partial<TransportParameters>[] = [
    { maxUdpPayloadSize: 1199 },
    { ackDelayExponent: 21 },
    { maxAckDelay: 2 ** 14 },
    { maxAckDelay: 1.5 },
    { activeConnectionIdLimit: 1 },
    { initialMaxPathId: 2 ** 32 },
    { initialMaxData: -1 },
    { initialMaxStreamsUni: 2 ** 53 },
    { statelessResetToken: new Uint8Array(15) },
    { initialSourceConnectionId: new Uint8Array(21) },
  ];
  for (const parameters of wrong) assertThrows(() => writeParameters(parameters), ParameterError);
  const value = new Uint8Array(0);
  assertThrows(() => writeParameters({}, [{ id: 0x3e, value }]), ParameterError, "cannot be an extra one");
  assertThrows(() => writeParameters({}, [{ id: 99, value }, { id: 99, value }]), ParameterError);
  assertThrows(() => writeParameters({}, [{ id: -1, value }]), ParameterError);
});

Deno.test("greaseParameter() has a reserved id and is passed over by readers (RFC 9000 §18.1)", () => {
  assert(isGreaseParameter(27) && isGreaseParameter(58));
  assertFalse(isGreaseParameter(0x3e));
  fc.assert(fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
    const grease = greaseParameter((into) => into.set(bytes.subarray(0, into.length)));
    assert(isGreaseParameter(grease.id));
    assert(grease.value.length <= 15);
    const p = readParameters(writeParameters({ initialMaxPathId: 3 }, [grease]), "client");
    assertEquals(p.initialMaxPathId, 3);
    assertEquals(p.unknown.get(grease.id), grease.value);
  }));
});
