/** What random runs found, each as the short list of operations that showed it. */
import { assert } from "@std/assert";
import { SCHEDULER_NAMES } from "../../schedulers/mod.ts";
import type { TraceEvents } from "../../transport/base/observer.ts";
import { Trace } from "../kit/trace.ts";
import { run } from "./chaos.ts";
import type { Operation, Plan } from "./plan.ts";

const LINK = {
  rateMbps: null,
  delayMs: 0,
  jitterMs: 0,
  reorder: false,
  queuePackets: 5,
  lossPercent: 0,
  duplicatePercent: 0,
  ecn: false,
  mtu: 1500,
};
const DEFAULT = { maxIdleTimeout: 600_000, handshakeTimeout: 500_000 };
/** Nothing is done that nobody asked for. */
const QUIET = {
  ...DEFAULT,
  maxAckDelay: 0,
  mtuDiscovery: false,
  grease: false,
} as const;

function plan(operations: readonly Operation[], changes: Partial<Plan> = {}): Plan {
  return {
    seed: 1,
    links: [LINK],
    shared: false,
    apart: false,
    client: QUIET,
    server: QUIET,
    retry: false,
    patient: false,
    operations,
    healthy: 1,
    closer: "client",
    ...changes,
  };
}

Deno.test("Connection tells nothing after it told that it is closed, whatever its timers still do", () => {
  const wait = 20;
  for (let delayMs = 10; delayMs <= 100; delayMs += 15) {
    run(plan([
      { wait: 500, do: "openPath", link: 1, port: 0, status: "available" },
      { wait: 800, do: "ping", end: "server" },
      { wait, do: "cut", link: 0, direction: "both", how: "dead" },
      { wait, do: "stream", end: "server", kind: "unidirectional", bytes: 3000, finish: true },
      { wait, do: "close", end: "server", code: 7 },
      { wait: 3000, do: "mend", link: 0 },
    ], { links: [{ ...LINK, delayMs }, { ...LINK, delayMs }] }));
  }
});

Deno.test("Connection does not spin when the socket refuses two paths over a link without delay", () => {
  run(plan([
    { wait: 20, do: "openPath", link: 0, port: 0, status: "available" },
    { wait: 20, do: "cut", link: 0, direction: "both", how: "unreachable" },
    { wait: 1, do: "ask", mode: "min-rtt" },
    { wait: 20, do: "datagrams", end: "client", count: 1, bytes: 4, path: -1, life: 0 },
  ]));
});

Deno.test("Server gets a client to speak on a path that was heard, suspended, and then forgotten by a translator", () => {
  run(plan([
    { wait: 20, do: "shape", link: 0, direction: "both", shape: { ...LINK, rateMbps: 10 } },
    { wait: 300, do: "damage", link: 0, direction: "down", damage: { kind: "corrupt", at: 0 }, count: 20 },
    { wait: 20, do: "openPath", link: 1, port: 0, status: "available" },
    { wait: 300, do: "ping", end: "client" },
    { wait: 0, do: "rebind", link: 0, address: false },
  ], { links: [LINK, LINK] }));
});

Deno.test("Connection sends nothing on a path that a socket's refusal has just suspended, with another on its 4-tuple", () => {
  run(plan([
    { wait: 20, do: "openPath", link: 1, port: 0, status: "backup" },
    { wait: 0, do: "stream", end: "client", kind: "bidirectional", bytes: 1, finish: false },
    { wait: 1, do: "openPath", link: 0, port: 0, status: "available" },
    { wait: 300, do: "cut", link: 0, direction: "both", how: "unreachable" },
    { wait: 0, do: "write", end: "server", nth: 0, bytes: 1500 },
  ], { links: [LINK, LINK], healthy: 2, server: { ...QUIET, mode: "round-robin" } }));
});

Deno.test("Client hears of a path's status only after it heard of the path, when the status overtakes HANDSHAKE_DONE", () => {
  run(plan([
    { wait: 14, do: "damage", link: 0, direction: "down", damage: { kind: "delay", by: 50 }, count: 1 },
    { wait: 2, do: "status", end: "server", nth: 0, status: "backup" },
  ], { links: [{ ...LINK, delayMs: 5 }] }));
});

Deno.test("Client's PING goes on another path when one before it is in flight on a path that stays silent", () => {
  const slow = { ...LINK, delayMs: 60 };
  run(plan([
    { wait: 0, do: "shape", link: 0, direction: "both", shape: slow },
    { wait: 1, do: "shape", link: 0, direction: "both", shape: LINK },
    { wait: 20, do: "openPath", link: 0, port: 0, status: "backup" },
    { wait: 1, do: "status", end: "client", nth: 0, status: "backup" },
    { wait: 300, do: "describe", nth: 0, label: "a", cost: 0 },
    { wait: 1, do: "rebind", link: 0, address: false },
    { wait: 20, do: "closePath", end: "server", nth: 3, code: 0 },
  ], { patient: true }));
});

Deno.test("Server does not wait behind a datagram that no amplification limit lets go", () => {
  run(plan([
    { wait: 0, do: "stream", end: "server", kind: "bidirectional", bytes: 287_269, finish: true },
    { wait: 0, do: "cut", link: 0, direction: "down", how: "unreachable" },
    { wait: 2385, do: "keys", end: "client" },
    {
      wait: 0,
      do: "shape",
      link: 0,
      direction: "both",
      shape: { ...LINK, rateMbps: 2, delayMs: 60, jitterMs: 3, reorder: true, queuePackets: 20 },
    },
    { wait: 0, do: "stream", end: "client", kind: "bidirectional", bytes: 106_351, finish: true },
    { wait: 0, do: "datagrams", end: "server", count: 1, bytes: 1000, path: 0, life: 0 },
    { wait: 0, do: "openPath", link: 1, port: 2, status: "backup" },
    { wait: 1, do: "rebind", link: 0, address: false },
  ], {
    seed: 32_140,
    links: [{ ...LINK, delayMs: 300 }, LINK],
    shared: true,
    client: DEFAULT,
    server: DEFAULT,
    patient: true,
    closer: "server",
  }));
});

Deno.test("Server answers a client whose address changed before any of its 1-RTT packets arrived", () => {
  run(plan([
    { wait: 100, do: "damage", link: 0, direction: "up", damage: { kind: "drop" }, count: 1 },
    { wait: 490, do: "damage", link: 0, direction: "up", damage: { kind: "drop" }, count: 50 },
    // The probe timeout is longer by then than the time between two PINGs, each of which begins it anew.
    { wait: 5810, do: "rebind", link: 0, address: true },
  ], { links: [{ ...LINK, delayMs: 60 }] }));
});

Deno.test("Server keeps a path that fell silent when the client's new address had answered, and loses the other one", () => {
  run(plan([
    { wait: 300, do: "openPath", link: 1, port: 0, status: "available" },
    // The answer to the server's challenge: the path moves before it is validated, and has no address to go back to.
    { wait: 30, do: "damage", link: 1, direction: "up", damage: { kind: "drop" }, count: 1 },
    { wait: 20, do: "rebind", link: 1, address: true },
    { wait: 0, do: "datagrams", end: "client", count: 1, bytes: 4, path: 1, life: 0 },
    // The new address has answered, but not in time for a challenge of 1200 bytes.
    { wait: 65, do: "cut", link: 1, direction: "both", how: "dead" },
    { wait: 2000, do: "cut", link: 0, direction: "both", how: "dead" },
    { wait: 20, do: "closePath", end: "client", nth: 0, code: 0 },
    { wait: 3000, do: "ping", end: "client" },
  ], { links: [LINK, { ...LINK, delayMs: 20 }], patient: true, healthy: 2 }));
});

Deno.test("No scheduler waits for a path on which the peer's new address is yet to be proven, while another is free", () => {
  for (const mode of SCHEDULER_NAMES) {
    const trace = new Trace();
    run(
      plan([
        { wait: 300, do: "openPath", link: 1, port: 0, status: "available", cost: 5 },
        { wait: 1000, do: "rebind", link: 0, address: true },
        { wait: 0, do: "datagrams", end: "client", count: 1, bytes: 100, path: 0, life: 0 },
        { wait: 70, do: "stream", end: "server", kind: "unidirectional", bytes: 15_000, finish: true },
      ], { links: [{ ...LINK, delayMs: 60 }, { ...LINK, delayMs: 70 }], patient: true, server: { ...QUIET, mode } }),
      undefined,
      (end) => end === "server" ? trace : undefined,
    );
    const moved = trace.entries.find(({ name }) => name === "quic:migration_state_updated");
    const first = trace.entries.find(({ name, data }) =>
      name === "quic:packet_sent" &&
      (data as TraceEvents["quic:packet_sent"]).frames.some(({ kind }) => kind === "stream")
    );
    // A validation takes 120 ms.
    assert(moved !== undefined && first !== undefined && first.now - moved.now < 50, `${mode} waited`);
  }
});
