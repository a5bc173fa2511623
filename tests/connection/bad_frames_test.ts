import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import { TransportError, TransportErrorCode as Code } from "../../transport/base/errors.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { Writer } from "../../transport/wire/writer.ts";
import { Pair } from "./pair.ts";
import { Rogue } from "./rogue.ts";

/** Numbers as varints, arrays as they are: frames that the codec refuses to write. */
function raw(...parts: readonly (number | bigint | Uint8Array)[]): Uint8Array {
  const bytes = new Uint8Array(3000);
  const w = new Writer(bytes);
  for (const part of parts) {
    if (part instanceof Uint8Array) w.bytes(part);
    else if (typeof part === "number") w.varint(part);
    else for (let shift = 56n; shift >= 0n; shift -= 8n) w.u8(Number(((part | 0xc0n << 56n) >> shift) & 0xffn));
  }
  return bytes.slice(0, w.at);
}

/** The largest varint. */
const HUGE = (1n << 62n) - 1n;
const bytes = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value);
const stream = (streamId: number, offset: number, length: number, fin = false): Frame => ({
  kind: "stream",
  streamId,
  offset,
  data: bytes(length),
  fin,
});

interface Case {
  readonly name: string;
  /** In whose name it is said. */
  readonly by: "client" | "server" | "both";
  readonly frames: readonly (Frame | Uint8Array)[];
  readonly code: number;
  readonly type: number;
  readonly words: RegExp;
}

function bad(
  by: Case["by"],
  name: string,
  frames: readonly (Frame | Uint8Array)[],
  code: number,
  type: number,
  words: RegExp,
): Case {
  return { by, name, frames, code, type, words };
}

const ENCODING: readonly Case[] = [
  bad("both", "an unknown type", [raw(0x21)], Code.FRAME_ENCODING_ERROR, 0x21, /type/i),
  bad("both", "an unknown long type", [raw(0x1f2e3d)], Code.FRAME_ENCODING_ERROR, 0x1f2e3d, /type/i),
  bad("both", "a type not in its shortest form", [Uint8Array.of(0x40, 0x01)], Code.PROTOCOL_VIOLATION, 0x01, /short/i),
  bad("both", "no frame at all", [], Code.PROTOCOL_VIOLATION, 0, /no frame/),
  bad("both", "ACK with a first range below 0", [raw(2, 1, 0, 0, 2)], Code.FRAME_ENCODING_ERROR, 2, /./),
  bad("both", "ACK with a gap below 0", [raw(2, 5, 0, 1, 3, 9, 0)], Code.FRAME_ENCODING_ERROR, 2, /./),
  bad("both", "ACK with more ranges than bytes", [raw(2, 5, 0, 1000, 0)], Code.FRAME_ENCODING_ERROR, 2, /./),
  bad("both", "CRYPTO beyond 2^62", [raw(6, HUGE, 1, bytes(1))], Code.FRAME_ENCODING_ERROR, 6, /./),
  bad("both", "CRYPTO cut off", [raw(6, 0, 10, bytes(9))], Code.FRAME_ENCODING_ERROR, 6, /./),
  bad("both", "STREAM cut off", [raw(0x0a, 0, 10, bytes(9))], Code.FRAME_ENCODING_ERROR, 0x0a, /./),
  bad("both", "STREAM beyond 2^62", [raw(0x0e, 0, HUGE, 1, bytes(1))], Code.FRAME_ENCODING_ERROR, 0x0e, /./),
  bad("server", "NEW_TOKEN without a token", [raw(7, 0)], Code.FRAME_ENCODING_ERROR, 7, /token/i),
  bad("both", "MAX_STREAMS above 2^60", [raw(0x12, (1n << 60n) + 1n)], Code.FRAME_ENCODING_ERROR, 0x12, /./),
  bad("both", "MAX_STREAMS above 2^60", [raw(0x13, HUGE)], Code.FRAME_ENCODING_ERROR, 0x13, /./),
  bad("both", "STREAMS_BLOCKED above 2^60", [raw(0x16, (1n << 60n) + 1n)], Code.FRAME_ENCODING_ERROR, 0x16, /./),
  bad(
    "both",
    "NEW_CONNECTION_ID with an id of 0 bytes",
    [raw(0x18, 9, 0, 0, bytes(16))],
    Code.FRAME_ENCODING_ERROR,
    0x18,
    /./,
  ),
  bad(
    "both",
    "NEW_CONNECTION_ID with an id of 21 bytes",
    [raw(0x18, 9, 0, 21, bytes(37))],
    Code.FRAME_ENCODING_ERROR,
    0x18,
    /./,
  ),
  bad(
    "both",
    "NEW_CONNECTION_ID that retires itself",
    [raw(0x18, 9, 10, 4, bytes(20))],
    Code.FRAME_ENCODING_ERROR,
    0x18,
    /./,
  ),
  bad("both", "PATH_CHALLENGE cut off", [raw(0x1a, bytes(7))], Code.FRAME_ENCODING_ERROR, 0x1a, /./),
  bad("both", "CONNECTION_CLOSE cut off", [raw(0x1c, 1, 0, 9, bytes(8))], Code.FRAME_ENCODING_ERROR, 0x1c, /./),
  bad("both", "DATAGRAM cut off", [raw(0x31, 9, bytes(8))], Code.FRAME_ENCODING_ERROR, 0x31, /./),
];

const ROLES: readonly Case[] = [
  bad("client", "NEW_TOKEN from a client", [raw(7, 1, bytes(1))], Code.PROTOCOL_VIOLATION, 7, /NEW_TOKEN.*client/),
  bad(
    "client",
    "HANDSHAKE_DONE from a client",
    [{ kind: "handshake_done" }],
    Code.PROTOCOL_VIOLATION,
    0x1e,
    /HANDSHAKE_DONE.*client/,
  ),
  bad("both", "ACK of what was never sent", [raw(2, 5000, 0, 0, 0)], Code.PROTOCOL_VIOLATION, 2, /5000.*never sent/),
  bad("both", "RETIRE_CONNECTION_ID of an id never given", [raw(0x19, 1000)], Code.PROTOCOL_VIOLATION, 0x19, /1000/),
  bad("both", "RETIRE_CONNECTION_ID of the packet's own id", [raw(0x19, 0)], Code.PROTOCOL_VIOLATION, 0x19, /./),
  bad("both", "CRYPTO too far ahead", [raw(6, 100_000, 1, bytes(1))], Code.CRYPTO_BUFFER_EXCEEDED, 6, /./),
];

const STREAMS: readonly Case[] = [
  bad(
    "client",
    "STREAM on the server's unopened bidirectional stream",
    [stream(1, 0, 1)],
    Code.STREAM_STATE_ERROR,
    0x0a,
    /./,
  ),
  bad(
    "server",
    "STREAM on the client's unopened bidirectional stream",
    [stream(0, 0, 1)],
    Code.STREAM_STATE_ERROR,
    0x0a,
    /./,
  ),
  bad("client", "STREAM on the server's unidirectional stream", [stream(3, 0, 1)], Code.STREAM_STATE_ERROR, 0x0a, /./),
  bad(
    "client",
    "STREAM beyond the limit of bidirectional streams",
    [stream(400, 0, 1)],
    Code.STREAM_LIMIT_ERROR,
    0x0a,
    /./,
  ),
  bad(
    "client",
    "STREAM beyond the limit of unidirectional streams",
    [stream(402, 0, 1)],
    Code.STREAM_LIMIT_ERROR,
    0x0a,
    /./,
  ),
  bad("server", "STREAM beyond the limit of streams", [stream(401, 0, 1)], Code.STREAM_LIMIT_ERROR, 0x0a, /./),
  bad("client", "STREAM beyond the stream's credit", [stream(0, 524_288, 1)], Code.FLOW_CONTROL_ERROR, 0x0e, /./),
  bad(
    "client",
    "STREAM beyond the connection's credit",
    [
      stream(0, 524_287, 1),
      stream(4, 524_287, 1),
      stream(8, 0, 1),
    ],
    Code.FLOW_CONTROL_ERROR,
    0x0a,
    /./,
  ),
  bad("client", "STREAM beyond its end", [stream(0, 0, 5, true), stream(0, 5, 1)], Code.FINAL_SIZE_ERROR, 0x0e, /./),
  bad(
    "client",
    "STREAM with another end",
    [stream(0, 0, 5, true), stream(0, 0, 4, true)],
    Code.FINAL_SIZE_ERROR,
    0x0b,
    /./,
  ),
  bad(
    "client",
    "STREAM with an end before what came",
    [stream(0, 9, 1), stream(0, 0, 4, true)],
    Code.FINAL_SIZE_ERROR,
    0x0b,
    /./,
  ),
  bad(
    "client",
    "RESET_STREAM with another end",
    [stream(0, 0, 5, true), raw(4, 0, 0, 6)],
    Code.FINAL_SIZE_ERROR,
    4,
    /./,
  ),
  bad(
    "client",
    "RESET_STREAM with an end before what came",
    [stream(0, 0, 5), raw(4, 0, 0, 4)],
    Code.FINAL_SIZE_ERROR,
    4,
    /./,
  ),
  bad("client", "RESET_STREAM beyond the stream's credit", [raw(4, 0, 0, 524_289)], Code.FLOW_CONTROL_ERROR, 4, /./),
  bad(
    "client",
    "RESET_STREAM on a stream that only the server sends on",
    [raw(4, 3, 0, 0)],
    Code.STREAM_STATE_ERROR,
    4,
    /./,
  ),
  bad("client", "RESET_STREAM on the server's unopened stream", [raw(4, 1, 0, 0)], Code.STREAM_STATE_ERROR, 4, /./),
  bad("client", "RESET_STREAM beyond the limit of streams", [raw(4, 400, 0, 0)], Code.STREAM_LIMIT_ERROR, 4, /./),
  bad(
    "client",
    "STOP_SENDING on a stream that only the client sends on",
    [raw(5, 2, 0)],
    Code.STREAM_STATE_ERROR,
    5,
    /./,
  ),
  bad("client", "STOP_SENDING on the server's unopened stream", [raw(5, 1, 0)], Code.STREAM_STATE_ERROR, 5, /./),
  bad(
    "client",
    "MAX_STREAM_DATA on a stream that only the client sends on",
    [raw(0x11, 2, 9)],
    Code.STREAM_STATE_ERROR,
    0x11,
    /./,
  ),
  bad(
    "client",
    "MAX_STREAM_DATA on the server's unopened stream",
    [raw(0x11, 1, 9)],
    Code.STREAM_STATE_ERROR,
    0x11,
    /./,
  ),
  bad("client", "MAX_STREAM_DATA beyond the limit of streams", [raw(0x11, 400, 9)], Code.STREAM_LIMIT_ERROR, 0x11, /./),
  bad(
    "client",
    "STREAM_DATA_BLOCKED on a stream that only the server sends on",
    [raw(0x15, 3, 9)],
    Code.STREAM_STATE_ERROR,
    0x15,
    /./,
  ),
];

const IDS: readonly Case[] = [
  bad(
    "both",
    "NEW_CONNECTION_ID with the number of another id",
    [
      raw(0x18, 1, 0, 4, bytes(20, 7)),
    ],
    Code.PROTOCOL_VIOLATION,
    0x18,
    /./,
  ),
  bad(
    "both",
    "too many ids",
    [5, 6, 7, 8, 9].map((n) => raw(0x18, n, 0, 8, bytes(8, n), bytes(16, n))),
    Code.CONNECTION_ID_LIMIT_ERROR,
    0x18,
    /active/,
  ),
  bad(
    "both",
    "the same id with two numbers",
    [
      raw(0x18, 10, 9, 8, bytes(8, 7), bytes(16, 7)),
      raw(0x18, 11, 9, 8, bytes(8, 7), bytes(16, 7)),
    ],
    Code.PROTOCOL_VIOLATION,
    0x18,
    /./,
  ),
  bad(
    "both",
    "the same id with two tokens",
    [
      raw(0x18, 10, 9, 8, bytes(8, 7), bytes(16, 7)),
      raw(0x18, 10, 9, 8, bytes(8, 7), bytes(16, 8)),
    ],
    Code.PROTOCOL_VIOLATION,
    0x18,
    /token/,
  ),
];

const MULTIPATH: readonly Case[] = [
  [0x3e, "PATH_ACK"],
  [0x3f, "PATH_ACK with ECN"],
  [0x3e75, "PATH_ABANDON"],
  [0x3e76, "PATH_STATUS_BACKUP"],
  [0x3e77, "PATH_STATUS_AVAILABLE"],
  [0x3e78, "PATH_NEW_CONNECTION_ID"],
  [0x3e79, "PATH_RETIRE_CONNECTION_ID"],
  [0x3e7a, "MAX_PATH_ID"],
  [0x3e7b, "PATHS_BLOCKED"],
  [0x3e7c, "PATH_CIDS_BLOCKED"],
].map(([type, name]) =>
  bad(
    "both",
    `${name} without multipath`,
    [raw(type as number, 0, 0, 0, 0, 0)],
    Code.PROTOCOL_VIOLATION,
    type as number,
    /multipath/,
  )
);

for (const { by, name, frames, code, type, words } of [...ENCODING, ...ROLES, ...STREAMS, ...IDS, ...MULTIPATH]) {
  for (const role of by === "both" ? ["client", "server"] as const : [by]) {
    Deno.test(`Connection refuses from the ${role}: ${name}`, () => {
      const pair = new Pair({ client: { maxPaths: 0 }, server: { maxPaths: 0 } }).confirm();
      pair.world.runFor(500);
      const rogue = new Rogue(pair, role).takeOver();
      // A packet without frames needs a long number, or it is too short to be protected.
      rogue.send({ frames, numberLength: 4 });
      const { error } = rogue.victim;
      assertInstanceOf(error, TransportError, `${rogue.victim.state} ${error}`);
      assertEquals([error.code, error.frameType], [code, type], error.message);
      assertEquals(error.byPeer, false);
      assertMatch(error.reason, words);
      // The peer hears the same, in words.
      const [said] = rogue.frames("connection_close");
      assertEquals([said?.code, said?.frameType, said?.reason], [code, type, error.reason]);
      assert(error.reason.length > 10);
      pair.world.runFor(3000);
      assertEquals(rogue.victim.state, "closed");
      assertEquals(rogue.victimNode.endpoint.connections.size, 0);
    });
  }
}
