/**
 * One flow on one link beside closed forms. A loss-limited flow has a link without a rate, so that its round trip is twice the
 * delay and nothing but the losses that the law speaks of holds it back.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { ControllerFactory } from "../../recovery/congestion/controller.ts";
import { assertWithin, goodput, type Keys, mean, OVERHEAD, PACKET, runFlow } from "./flow.ts";

/**
 * Most stream bytes in a packet: what is left beside the first byte, a connection ID of 8 bytes, a packet number of 2, the
 * tag of 16, and a STREAM frame's type, stream ID, offset (4 bytes up to a gigabyte), without a length as it is the last.
 */
const STREAM_BYTES = PACKET - 1 - 8 - 2 - 16 - 1 - 1 - 4;

/** Windows that hold nothing back. */
const WIDE: Keys = { connectionWindow: 2 ** 26, streamWindow: 2 ** 26 };

/** Seconds that do not count: slow start, and the way from where it ended to the steady state. */
const WARM_UP = 0.1;

/** A loss-limited flow; `p`: losses per datagram; `rtt` in milliseconds. */
interface LossLimited {
  readonly congestion: "newreno" | "cubic";
  readonly rtt: number;
  readonly p: number;
  readonly seconds: number;
}

/** The mean window in packets that a flow's goodput takes. */
function meanWindow({ congestion, rtt, p, seconds }: LossLimited, losses: Keys, seed: number): number {
  const result = runFlow({
    name: congestion,
    seed,
    // Acknowledgments are not lost: the laws do not know that they could be.
    link: { delayMs: rtt / 2, down: losses },
    side: { ...WIDE, congestion },
    seconds,
  });
  const { lost, packets, streamBytes, bytes } = result.paths[0]!.down;
  assert(lost > 20 && lost < 2 * p * packets, `${lost} of ${packets} packets lost`);
  const sent = goodput(result, Math.ceil(WARM_UP * seconds), seconds) * bytes / streamBytes;
  return sent * 125 * rtt / PACKET;
}

/** The mean over some seeds with random losses. */
function withRandomLosses(flow: LossLimited, seeds: number): number {
  const losses = { lossPercent: 100 * flow.p };
  return mean(Array.from({ length: seeds }, (_, i) => meanWindow(flow, losses, i + 1)));
}

/** The mean window when every 1/p-th datagram is lost, which is what the laws are derived for. */
function withRegularLosses(flow: LossLimited): number {
  return meanWindow(flow, { drop: Array.from({ length: 2000 }, (_, i) => Math.round((i + 1) / flow.p)) }, 1);
}

/** A window that nothing changes. */
function fixedWindow(bytes: number): ControllerFactory {
  return () => ({
    name: "fixed",
    cwnd: bytes,
    ssthresh: 0,
    inSlowStart: false,
    pacingRate: 0,
    onSent: () => {},
    onAcked: () => {},
    onCongestion: () => {},
    onMtu: () => {},
  });
}

Deno.test("A rate-limited flow has the link's rate, less headers and what the link counts beside them", () => {
  for (const overheadBytes of [OVERHEAD, 0, 100]) {
    for (const congestion of ["newreno", "cubic"]) {
      const link = { rateMbps: 10, delayMs: 15, overheadBytes };
      const result = runFlow({ name: "rate", link, side: { congestion }, seconds: 12 });
      const expected = 10 * STREAM_BYTES / (PACKET + overheadBytes);
      assertWithin(goodput(result, 2, 12), expected, 0.02, `Mbit/s of ${congestion} with ${overheadBytes} bytes`);
    }
  }
});

Deno.test("A flow limited by its congestion window has a window per round trip", () => {
  for (const [packets, rtt] of [[20, 40], [100, 100], [500, 300]] as const) {
    const controller = fixedWindow(packets * PACKET);
    const result = runFlow({ name: "window", link: { delayMs: rtt / 2 }, side: WIDE, controller, seconds: 12 });
    const expected = packets * STREAM_BYTES / rtt / 125;
    assertWithin(goodput(result, 2, 12), expected, 0.02, `Mbit/s of ${packets} packets in ${rtt} ms`);
  }
});

/*
 * Credit comes back in small steps, and the sender waits for a full packet's worth, which a window of few packets would feel.
 * Whole round trips are counted as nearly as seconds allow.
 */
Deno.test("A flow limited by a receive window has a window per round trip", () => {
  for (const key of ["streamWindow", "connectionWindow"]) {
    for (const [window, rtt] of [[50_000, 100], [64_000, 50], [200_000, 100], [333_333, 75], [400_000, 40]] as const) {
      const result = runFlow({ name: "credit", link: { delayMs: rtt / 2 }, side: { [key]: window }, seconds: 12 });
      assertWithin(goodput(result, 3, 12), window / rtt / 125, 0.02, `Mbit/s of ${key} ${window} in ${rtt} ms`);
    }
  }
});

Deno.test("Credit in small steps costs hardly a packet more in either direction", () => {
  const packets = (streamWindow: number) => {
    const link = { rateMbps: 20, delayMs: 15, queueMs: 50 };
    const { down, up } = runFlow({ name: "cost", link, side: { streamWindow }, seconds: 8 }).paths[0]!;
    return { full: down.streamBytes / down.packets, answers: up.packets / down.packets };
  };
  const wide = packets(2 ** 23);
  for (const window of [64_000, 70_000, 81_000, 100_000, 140_000, 256_000]) {
    const { full, answers } = packets(window);
    assert(full > 0.9 * wide.full, `${full} bytes per packet with ${window}, ${wide.full} without a limit`);
    assert(
      answers < 1.1 * wide.answers,
      `${answers} answers per packet with ${window}, ${wide.answers} without a limit`,
    );
  }
});

Deno.test("NewReno follows the square-root law, sqrt(3 / 2p) packets per round trip, within 15 %", () => {
  for (const [rtt, p, seconds] of [[30, 0.001, 40], [50, 0.0025, 60]] as const) {
    const flow: LossLimited = { congestion: "newreno", rtt, p, seconds };
    const law = Math.sqrt(1.5 / p);
    assertWithin(withRegularLosses(flow), law, 0.15, `Packets in ${rtt} ms, regular losses`);
    assertWithin(withRandomLosses(flow, 4), law, 0.15, `Packets in ${rtt} ms, random losses`);
  }
});

/*
 * With regular losses CUBIC stays below its function, by 15 % where a round trip is a tenth of a stage: half of that is fast
 * convergence (RFC 9438 §4.7), which the function leaves out, half the round trip of recovery, in which no window grows. Random
 * losses lift the mean: now and then there is a long stage, with a convex end.
 */
Deno.test("CUBIC follows its response function, 1.054 * (RTT / p)^(3/4) packets, within 20 % (RFC 9438 §5.1)", () => {
  for (const [rtt, p, seconds] of [[400, 0.001, 240], [200, 0.0005, 200]] as const) {
    const flow: LossLimited = { congestion: "cubic", rtt, p, seconds };
    const law = 1.054 * (rtt / 1000 / p) ** 0.75;
    // Well above what Reno would have: the Reno-friendly region does not come into it.
    assert(law > 1.5 * Math.sqrt(1.5 / p));
    assertWithin(withRegularLosses(flow), law, 0.2, `Packets in ${rtt} ms, regular losses`);
    assertWithin(withRandomLosses(flow, 4), law, 0.2, `Packets in ${rtt} ms, random losses`);
  }
});
