/**
 * Random frames that are likely to mean something to a connection: small ids, small numbers, and now and then large ones.
 *
 * @module
 */
import fc from "fast-check";
import type { Frame } from "../../transport/wire/frames/types.ts";

const number: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(12) },
  { weight: 3, arbitrary: fc.nat(3000) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 30, 2 ** 32, 2 ** 53 - 1) },
);
const streamId: fc.Arbitrary<number> = fc.oneof(
  { weight: 9, arbitrary: fc.nat(15) },
  { weight: 1, arbitrary: fc.constantFrom(396, 400, 403, 2 ** 53 - 4) },
);
const data = fc.uint8Array({ maxLength: 60 });
const path = fc.option(fc.nat(3), { nil: undefined, freq: 1 });
const somePath = fc.nat(4);
const fixed = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const ofKind = <K extends Frame["kind"]>(kind: K): fc.Arbitrary<K> => fc.constant(kind);

/** Descending pairs with gaps between them. */
const ranges = fc.tuple(fc.nat(20), fc.array(fc.tuple(fc.nat(4), fc.nat(3)), { minLength: 1, maxLength: 4 })).map(
  ([lowest, steps]) => {
    const pairs: number[] = [];
    let next = lowest;
    for (const [length, gap] of steps) {
      pairs.unshift(next + length, next);
      next += length + gap + 2;
    }
    return pairs;
  },
);
const ecn = fc.option(fc.record({ ect0: number, ect1: number, ce: number }), { nil: undefined, freq: 1 });

/** Frames that every packet may hold. */
export const handshakeFrame: fc.Arbitrary<Frame> = fc.oneof<fc.Arbitrary<Frame>[]>(
  fc.record({ kind: ofKind("padding"), length: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ kind: ofKind("ping") }),
  fc.record({ kind: ofKind("ack"), path: fc.constant(undefined), delay: number, ranges, ecn }),
  fc.record({ kind: ofKind("crypto"), offset: number, data }),
);

/** Frames of 1-RTT packets; CONNECTION_CLOSE is not among them. */
export const applicationFrame: fc.Arbitrary<Frame> = fc.oneof<fc.Arbitrary<Frame>[]>(
  handshakeFrame,
  fc.record({ kind: ofKind("ack"), path, delay: number, ranges, ecn }),
  fc.record({ kind: ofKind("stream"), streamId, offset: number, data, fin: fc.boolean() }),
  fc.record({ kind: ofKind("stream"), streamId, offset: fc.nat(100), data, fin: fc.constant(false) }),
  fc.record({ kind: ofKind("reset_stream"), streamId, code: number, finalSize: number }),
  fc.record({ kind: ofKind("stop_sending"), streamId, code: number }),
  fc.record({ kind: ofKind("new_token"), token: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
  fc.record({ kind: ofKind("max_data"), limit: number }),
  fc.record({ kind: ofKind("max_stream_data"), streamId, limit: number }),
  fc.record({ kind: ofKind("max_streams"), bidirectional: fc.boolean(), limit: number }),
  fc.record({ kind: ofKind("data_blocked"), limit: number }),
  fc.record({ kind: ofKind("stream_data_blocked"), streamId, limit: number }),
  fc.record({ kind: ofKind("streams_blocked"), bidirectional: fc.boolean(), limit: number }),
  fc.tuple(path, fc.nat(12), fc.nat(12), fixed(8), fixed(16)).map(([path, a, b, connectionId, resetToken]) => ({
    kind: "new_connection_id" as const,
    path,
    sequence: Math.max(a, b),
    retirePriorTo: Math.min(a, b),
    connectionId,
    resetToken,
  })),
  fc.record({ kind: ofKind("retire_connection_id"), path, sequence: number }),
  fc.record({ kind: ofKind("path_challenge"), data: fixed(8) }),
  fc.record({ kind: ofKind("path_response"), data: fixed(8) }),
  fc.record({ kind: ofKind("handshake_done") }),
  fc.record({ kind: ofKind("datagram"), data }),
  fc.record({ kind: ofKind("path_abandon"), path: somePath, code: number }),
  fc.record({
    kind: ofKind("path_status"),
    path: somePath,
    sequence: number,
    status: fc.constantFrom("available" as const, "backup" as const),
  }),
  fc.record({ kind: ofKind("max_path_id"), limit: number }),
  fc.record({ kind: ofKind("paths_blocked"), limit: number }),
  fc.record({ kind: ofKind("path_cids_blocked"), path: somePath, nextSequence: number }),
);
