import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import type { TraceEvents } from "@multipath/quic/transport";
import { qlogFile, qlogFolder, type QlogObserver, type QlogOptions, type WriterSync } from "./mod.ts";

const LOCAL = { hostname: "10.0.0.1", port: 5000 };
const REMOTE = { hostname: "192.0.2.1", port: 443 };
const SENT: Omit<TraceEvents["quic:packet_sent"], "header" | "frames"> = {
  size: 1200,
  local: LOCAL,
  remote: REMOTE,
  ecn: "not-ect",
  probe: false,
};
const STARTED: TraceEvents["quic:connection_started"] = {
  role: "client",
  local: LOCAL,
  remote: REMOTE,
  sourceId: new Uint8Array([1, 2]),
  destinationId: new Uint8Array([0xab, 0xcd]),
};

interface Record {
  readonly time: number;
  readonly name: string;
  readonly tuple?: string;
  // deno-lint-ignore no-explicit-any -- a test reads into JSON
  readonly data: any;
}

class Memory implements WriterSync {
  text = "";
  writes = 0;
  closed = 0;

  writeSync(bytes: Uint8Array): number {
    this.writes++;
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }

  close(): void {
    this.closed++;
  }
}

function open(options: QlogOptions = {}): { log: QlogObserver; memory: Memory } {
  const memory = new Memory();
  return { log: qlogFile(memory, { started: null, ...options }), memory };
}

/** Splits JSON text sequences (RFC 7464): each record begins with RS and ends with LF. */
function records(text: string): Record[] {
  assert(text.startsWith("\x1e"));
  return text.slice(1).split("\x1e").map((record) => {
    assert(record.endsWith("\n"));
    return JSON.parse(record);
  });
}

/** What one event becomes, without the head and the tuple's announcement. */
function write<N extends keyof TraceEvents>(name: N, data: TraceEvents[N], options: QlogOptions = {}): Record[] {
  const { log, memory } = open(options);
  log.on(name, data, 1);
  log.close();
  assertEquals(log.error, undefined);
  return records(memory.text).slice(1).filter((r) => r.name !== "quic:tuple_assigned");
}

Deno.test("qlogFile() begins with the head of a sequential file", () => {
  const { log, memory } = open({ title: "a test", name: "laptop", groupId: "abcd", started: new Date(0) });
  log.on("quic:connection_started", STARTED, 0);
  log.close();
  // deno-lint-ignore no-explicit-any -- a test reads into JSON
  const head = records(memory.text)[0] as any;
  assertEquals(head, {
    file_schema: "urn:ietf:params:qlog:file:sequential-14",
    serialization_format: "application/qlog+json-seq",
    title: "a test",
    trace: {
      common_fields: {
        group_id: "abcd",
        time_format: "relative_to_epoch",
        reference_time: { clock_type: "monotonic", epoch: "unknown", wall_clock_time: "1970-01-01T00:00:00.000Z" },
      },
      vantage_point: { name: "laptop", type: "client" },
      event_schemas: head.trace.event_schemas,
    },
  });
  assert(head.trace.event_schemas.includes("urn:ietf:params:qlog:events:quic-13"));
});

Deno.test("qlogFile() writes events with time and name, in order", () => {
  const { log, memory } = open();
  log.on("quic:connection_started", STARTED, 1.23456789);
  log.on("quic:spin_bit_updated", { state: true }, 2);
  log.close();
  const [, started, tuple, spin] = records(memory.text);
  assertEquals(started, {
    time: 1.235,
    name: "quic:connection_started",
    data: {
      local: { ip_v4: "10.0.0.1", port_v4: 5000, connection_ids: ["0102"] },
      remote: { ip_v4: "192.0.2.1", port_v4: 443, connection_ids: ["abcd"] },
    },
  });
  assertEquals([tuple?.name, tuple?.data.tuple_id], ["quic:tuple_assigned", ""]);
  assertEquals(spin, { time: 2, name: "quic:spin_bit_updated", data: { state: true } });
});

Deno.test("qlogFile() writes packets with headers, path ids and tuples", () => {
  const { log, memory } = open();
  const initial = { type: "initial", number: 0, path: 0 } as const;
  const late = { type: "one_rtt", number: 7, path: 2 } as const;
  log.on("quic:packet_sent", { ...SENT, header: initial, frames: [] }, 0);
  const second = { hostname: "2001:db8::1", port: 9 };
  log.on("quic:packet_sent", { ...SENT, header: late, frames: [], local: second, ecn: "ect0", probe: true }, 1);
  log.on("quic:packet_received", { ...SENT, header: late, frames: [], local: second }, 2);
  log.close();
  const events = records(memory.text).slice(1);
  assertEquals(events.map((e) => [e.name, e.tuple]), [
    ["quic:tuple_assigned", undefined],
    ["quic:packet_sent", undefined],
    ["quic:tuple_assigned", undefined],
    ["quic:packet_sent", "1"],
    ["quic:packet_received", "1"],
  ]);
  assertEquals(events[1]?.data, {
    header: { packet_type: "initial", packet_number: 0 },
    frames: [],
    raw: { length: 1200 },
  });
  assertEquals(events[2]?.data.tuple_local, { ip_v6: "2001:db8::1", port_v6: 9 });
  assertEquals(events[3]?.data, {
    header: { packet_type: "1RTT", packet_number: 7, path_id: 2 },
    frames: [],
    raw: { length: 1200 },
    is_mtu_probe_packet: true,
    ecn: "ECT(0)",
  });
});

Deno.test("qlogFile() scales the delay of ACKs by the exponent of the end that wrote them", () => {
  const { log, memory } = open();
  const ack = { kind: "ack", path: undefined, delay: 100, ranges: [5, 5], ecn: undefined } as const;
  const header = { type: "one_rtt", number: 0, path: 0 } as const;
  log.on("quic:parameters_set", { owner: "remote", parameters: { ackDelayExponent: 10 } }, 0);
  log.on("quic:packet_sent", { ...SENT, header, frames: [ack] }, 0);
  log.on("quic:packet_received", { ...SENT, header, frames: [ack] }, 0);
  log.close();
  const delays = records(memory.text).filter((r) => r.data?.frames).map((r) => r.data.frames[0].ack_delay);
  assertEquals(delays, [0.8, 102.4]);
});

Deno.test("qlogFile() names connection states, errors and their origin", () => {
  const [state] = write("quic:connection_state_updated", { old: "handshaking", new: "connected" });
  assertEquals(state?.data, { old: "handshake_started", new: "handshake_complete" });
  const close = (trigger: TraceEvents["quic:connection_closed"]["trigger"], code: number): unknown =>
    write("quic:connection_closed", { byPeer: true, trigger, code, reason: "why" })[0]?.data;
  const common = { initiator: "remote", reason: "why" };
  assertEquals(close("application", 5), {
    ...common,
    application_error: "unknown",
    error_code: 5,
    trigger: "application",
  });
  assertEquals(close("error", 3), { ...common, connection_error: "flow_control_error", trigger: "error" });
  assertEquals(close("error", 0x128), { ...common, connection_error: "crypto_error_0x128", trigger: "error" });
  assertEquals(close("error", 0x3e75), {
    ...common,
    connection_error: "unknown",
    error_code: 0x3e75,
    trigger: "error",
  });
  assertEquals(close("clean", 0), { ...common, connection_error: "no_error", trigger: "unspecified" });
});

Deno.test("qlogFile() writes recovery and security events under their standard names", () => {
  const metrics = {
    smoothedRtt: 20,
    minRtt: 10,
    latestRtt: 30,
    rttVariation: 4,
    cwnd: 12000,
    inFlight: 1200,
    ptoCount: 0,
  };
  const [updated] = write("quic:metrics_updated", { path: 1, ...metrics });
  assertEquals(updated, {
    time: 1,
    name: "quic:recovery_metrics_updated",
    data: {
      min_rtt: 10,
      smoothed_rtt: 20,
      latest_rtt: 30,
      rtt_variance: 4,
      pto_count: 0,
      congestion_window: 12000,
      bytes_in_flight: 1200,
      path_id: 1,
    },
  });
  const timer = { action: "set", kind: "pto", path: 0, level: "application", delta: 50 } as const;
  assertEquals(write("quic:loss_timer_updated", timer)[0]?.name, "quic:timer_updated");
  const keys = (keyType: string): string[] =>
    write("quic:key_updated", { keyType, trigger: "tls", phase: 0 }, { role: "server" }).map((r) => r.data.key_type);
  assertEquals(keys("write_handshake"), ["server_handshake_secret"]);
  assertEquals(keys("read_application"), ["client_1rtt_secret"]);
  assertEquals(keys("application"), ["client_1rtt_secret", "server_1rtt_secret"]);
  const header = { type: "one_rtt", number: 4, path: 1 } as const;
  const lost = { header, size: 1200, sentAt: 0 };
  const [standard] = write("quic:packet_lost", { ...lost, trigger: "time_threshold" });
  const [ours] = write("quic:packet_lost", { ...lost, trigger: "path_abandoned" });
  assertEquals([standard?.data.trigger, ours?.data.trigger, ours?.data.reason], [
    "time_threshold",
    undefined,
    "path_abandoned",
  ]);
  const [dropped] = write("quic:packet_dropped", { reason: "reserved_bits", size: 40, type: "handshake", detail: "x" });
  assertEquals(dropped?.data, {
    header: { packet_type: "handshake" },
    raw: { length: 40 },
    details: { reason: "reserved_bits", text: "x" },
    trigger: "invalid",
  });
});

Deno.test("qlogFile() writes parameters and versions", () => {
  const parameters = {
    initialMaxData: 100,
    initialMaxPathId: 3,
    statelessResetToken: undefined,
    initialSourceConnectionId: new Uint8Array([9]),
    unknown: new Map([[27, new Uint8Array([1])]]),
    preferredAddress: {
      ipv4: { hostname: "192.0.2.9", port: 4 },
      ipv6: undefined,
      connectionId: new Uint8Array([1]),
      statelessResetToken: new Uint8Array([2]),
    },
  };
  assertEquals(write("quic:parameters_set", { owner: "local", parameters })[0]?.data, {
    initiator: "local",
    initial_max_data: 100,
    initial_max_path_id: 3,
    initial_source_connection_id: "09",
    unknown_parameters: [{ id: 27, value: "01" }],
    preferred_address: { ip_v4: "192.0.2.9", port_v4: 4, connection_id: "01", stateless_reset_token: "02" },
  });
  assertEquals(write("quic:version_information", { chosen: 1, offered: [] })[0]?.data, { chosen_version: "00000001" });
});

Deno.test("qlogFile() writes events of multiple paths, and unknown ones, with names in snake case", () => {
  const assigned = { path: 1, route: 3, label: "wifi", local: LOCAL, remote: REMOTE };
  assertEquals(write("multipath:path_assigned", assigned)[0]?.data, {
    path_id: 1,
    route: 3,
    label: "wifi",
    tuple_id: "",
  });
  const [status] = write("multipath:path_status_updated", { path: 2, owner: "remote", status: "backup" });
  assertEquals(status?.data, { path_id: 2, owner: "remote", status: "backup" });
  const [migration] = write("quic:migration_state_updated", {
    path: 0,
    new: "migration_failed",
    local: LOCAL,
    remote: REMOTE,
  });
  assertEquals(migration?.data, { new: "migration_abandoned", tuple_id: "", path_id: 0 });
});

Deno.test("qlogFile() keeps to the events that were asked for", () => {
  const { log, memory } = open({ events: ["quic:alpn_information"] });
  log.on("quic:connection_started", STARTED, 0);
  log.on("quic:alpn_information", { chosen: "h3" }, 1);
  log.close();
  const [head, only, ...rest] = records(memory.text);
  assert(JSON.stringify(head).includes('"type":"client"'));
  assertEquals([only?.data, rest.length], [{ chosen_alpn: { string_value: "h3" } }, 0]);
});

Deno.test("qlogFile() gathers what it writes, and lets it wait no longer than a second", () => {
  const { log, memory } = open();
  for (let i = 0; i < 50; i++) log.on("quic:spin_bit_updated", { state: true }, i);
  assertEquals(memory.writes, 0);
  log.on("quic:spin_bit_updated", { state: true }, 1000);
  assertEquals(memory.writes, 1);
  log.on("quic:spin_bit_updated", { state: true }, 1001);
  log.flush();
  assertEquals(memory.writes, 2);
  for (let i = 0; i < 5000; i++) log.on("quic:spin_bit_updated", { state: true }, 1001);
  assert(memory.writes > 4 && memory.writes < 20);
});

Deno.test("qlogFile() closes by itself when the connection is gone, in either order, and only once", () => {
  for (const swapped of [false, true]) {
    const { log, memory } = open();
    const closed = { byPeer: false, trigger: "clean", code: 0, reason: "" } as const;
    if (swapped) log.on("quic:connection_state_updated", { old: "connected", new: "closed" }, 0);
    log.on("quic:connection_closed", closed, 0);
    if (!swapped) {
      assertEquals([memory.closed, memory.writes], [0, 1]);
      log.on("quic:connection_state_updated", { old: "closing", new: "closed" }, 9);
    }
    assertEquals(memory.closed, 1);
    const text = memory.text;
    log.on("quic:spin_bit_updated", { state: true }, 10);
    log.close();
    assertEquals([memory.closed, memory.text, log.error], [1, text, undefined]);
  }
});

Deno.test("qlogFile() goes quiet when its writer fails, and says why", () => {
  const broken: WriterSync = {
    writeSync(): number {
      throw new Error("disk full");
    },
    close(): void {
      throw new Error("not even that");
    },
  };
  const log = qlogFile(broken);
  log.on("quic:spin_bit_updated", { state: true }, 0);
  log.flush();
  log.on("quic:spin_bit_updated", { state: true }, 5000);
  log.close();
  assertEquals(log.error?.message, "disk full");
  const stuck = qlogFile({ writeSync: () => 0 });
  stuck.on("quic:spin_bit_updated", { state: true }, 0);
  stuck.close();
  assertEquals(stuck.error?.message, "Writer took no bytes");
});

Deno.test("qlogFile() writes all bytes to a writer that takes few at a time", () => {
  let text = "";
  const log = qlogFile({
    writeSync(bytes) {
      const some = bytes.subarray(0, 7);
      text += new TextDecoder().decode(some);
      return some.length;
    },
  });
  log.on("quic:spin_bit_updated", { state: true }, 0);
  log.close();
  assertEquals(records(text).length, 2);
});

Deno.test("qlogFile() survives data that it cannot read", () => {
  const { log } = open();
  log.on("quic:packet_sent", undefined as unknown as TraceEvents["quic:packet_sent"], 0);
  assert(log.error instanceof TypeError);
});

Deno.test("qlogFile() writes a file, and qlogFolder() one for each connection", async () => {
  const folder = await Deno.makeTempDir();
  try {
    {
      using log = qlogFile(`${folder}/a.sqlog`);
      log.on("quic:alpn_information", { chosen: "h3" }, 0);
    }
    assertEquals(records(await Deno.readTextFile(`${folder}/a.sqlog`)).length, 2);
    assertThrows(() => qlogFile(`${folder}/none/a.sqlog`));
    const open = qlogFolder(`${folder}/`);
    const log = open("server", new Uint8Array([0xab, 1]));
    log?.on("quic:alpn_information", { chosen: "h3" }, 0);
    log?.close();
    const text = await Deno.readTextFile(`${folder}/ab01_server.sqlog`);
    assert(text.includes('"group_id":"ab01"') && text.includes('"type":"server"'));
    assertFalse(qlogFolder(`${folder}/none`)("client", new Uint8Array(1)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
