/**
 * `deno task bench`: all figures of one run, on loopback, with the built-in QUIC beside ours.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { formatTable } from "../../cli/format.ts";
import { type Bulk, type Figures, type Handshakes, type Implementation, medians, type Packets } from "./figures.ts";
import { measurePackets } from "./packets.ts";

const HELP = `Measures, on loopback between two processes: bulk and handshakes; and the protection of packets.

Usage: deno task bench [--json] [--quick]

  --json   The result as one line of JSON, the last of the output
  --quick  Fewer rounds and bytes: a look, not a figure to quote`;

const IMPLEMENTATIONS: readonly Implementation[] = ["deno", "node", "built-in"];
const NAMES: Readonly<Record<Implementation, string>> = {
  deno: "ours, Deno.listenDatagram",
  node: "ours, node:dgram",
  "built-in": "Deno's built-in QUIC",
};

interface Amounts {
  readonly rounds: number;
  readonly bulkBytes: number;
  readonly handshakes: number;
  readonly packets: number;
}

const FULL: Amounts = { rounds: 5, bulkBytes: 256_000_000, handshakes: 300, packets: 4000 };
const QUICK: Amounts = { rounds: 1, bulkBytes: 32_000_000, handshakes: 50, packets: 500 };

/** A peer of the measurement; see `peer.ts`. */
class Peer {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(args: readonly string[]) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", "--unstable-net", import.meta.resolve("./peer.ts"), ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line of JSON that it says. */
  async said(): Promise<unknown> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("A peer of the measurement ended too early");
      this.#text += value;
    }
    const [line, ...rest] = this.#text.split("\n");
    this.#text = rest.join("\n");
    return JSON.parse(line!);
  }

  /** Lets it end by itself. */
  async end(): Promise<void> {
    await this.#process.stdin.close().catch(() => {});
    await this.#process.status;
    await this.#lines.cancel();
  }
}

/** Runs one measurement between two fresh processes. */
async function between<T>(
  implementation: Implementation,
  role: "bulk" | "two-paths" | "handshakes",
  amount: number,
): Promise<T> {
  const server = new Peer(["server", implementation]);
  const { port, cert } = await server.said() as { port: number; cert: string };
  const client = new Peer([role, implementation, String(port), cert, String(amount)]);
  try {
    return await client.said() as T;
  } finally {
    await client.end();
    await server.end();
  }
}

type PerImplementation<T> = Record<Implementation, T>;

/** Rounds of all implementations in turn, so that what else the machine does meets all alike. */
async function inTurn<T>(
  rounds: number,
  run: (implementation: Implementation) => Promise<T>,
  also: () => Promise<void> = () => Promise.resolve(),
): Promise<PerImplementation<T>> {
  const found: PerImplementation<T[]> = { deno: [], node: [], "built-in": [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const implementation of IMPLEMENTATIONS) found[implementation].push(await run(implementation));
    await also();
  }
  return { deno: medians(found.deno), node: medians(found.node), "built-in": medians(found["built-in"]) };
}

async function measure(amounts: Amounts, say: (text: string) => void): Promise<Figures> {
  const { rounds, bulkBytes } = amounts;
  say(`Medians of ${rounds}. Protecting packets ...`);
  const packets = measurePackets(rounds, amounts.packets);
  say(`Bulk, ${bulkBytes / 1e6} MB each ...`);
  const overTwo: Bulk[] = [];
  const bulk = await inTurn(rounds, (each) => between<Bulk>(each, "bulk", bulkBytes), async () => {
    overTwo.push(await between<Bulk>("deno", "two-paths", bulkBytes));
  });
  const twoPaths = medians(overTwo);
  say(`Handshakes, ${amounts.handshakes} each ...`);
  const handshakes = await inTurn(rounds, (each) => between<Handshakes>(each, "handshakes", amounts.handshakes));
  const ratio = {
    bulk: bulk.deno.megabytesPerSecond / bulk["built-in"].megabytesPerSecond,
    handshakes: handshakes.deno.perSecond / handshakes["built-in"].perSecond,
    twoPaths: twoPaths.megabytesPerSecond / bulk.deno.megabytesPerSecond,
  };
  return { rounds, bulkBytes, packets, bulk, twoPaths, handshakes, ratio };
}

function tables({ packets, bulk, twoPaths, handshakes, ratio }: Figures): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  const bulkRow = (name: string, { megabytesPerSecond, client, server }: Bulk): string[] => {
    const cpu = [client.cpuSeconds.toFixed(2), server.cpuSeconds.toFixed(2)];
    return [
      name,
      megabytesPerSecond.toFixed(1),
      ...cpu,
      megabytes(client.peakBytes),
      megabytes(server.peakBytes),
    ];
  };
  const packetRow = ({ provider, suite, seal, open }: Packets): string[] => {
    return [provider, suite, seal.toFixed(2), open.toFixed(2)];
  };
  const handshakeRow = (each: Implementation): string[] => {
    return [NAMES[each], handshakes[each].perSecond.toFixed(0), handshakes[each].clientCpuMs.toFixed(2)];
  };
  return [
    formatTable([["provider", "suite", "seal us", "open us"], ...packets.map(packetRow)]),
    formatTable([
      ["bulk, client to server", "MB/s", "client CPU s", "server CPU s", "client peak MB", "server peak MB"],
      ...IMPLEMENTATIONS.map((each) => bulkRow(NAMES[each], bulk[each])),
      bulkRow("ours, two paths", twoPaths),
    ]),
    formatTable([["handshakes, one after the other", "per s", "client CPU ms"], ...IMPLEMENTATIONS.map(handshakeRow)]),
    `ours to built-in: bulk ${ratio.bulk.toFixed(3)}, handshakes ${ratio.handshakes.toFixed(3)}; ` +
    `two paths to one: ${ratio.twoPaths.toFixed(3)}`,
  ].join("\n\n");
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    boolean: ["json", "quick", "help"],
    unknown: (arg: string) => {
      console.error(`bench: "${arg}" is no option\n${HELP}`);
      Deno.exit(2);
    },
  });
  if (args.help) {
    console.log(HELP);
    Deno.exit(0);
  }
  const figures = await measure(args.quick ? QUICK : FULL, args.json ? () => {} : console.log);
  console.log(args.json ? JSON.stringify(figures) : `\n${tables(figures)}`);
}
