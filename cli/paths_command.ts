import { isIP } from "node:net";
import { type Arguments, readArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { ExitCode, UsageError } from "./errors.ts";
import { formatTable } from "./format.ts";
import { type LocalAddress, localAddresses, reach, type Reached } from "./reach.ts";
import { adviceFor, readRouting, type Routing } from "./routing.ts";
import { formatHostPort, type HostPort, parseHostPort } from "./where.ts";

const HELP =
  `Lists the local addresses that can be paths. With a server, asks it from each of them, and says which get an answer.

Usage: mpquic paths [HOST:PORT] [--json]

  --json      One line of JSON
  -h, --help  This text

The server is asked for a QUIC version that does not exist, to which every QUIC server answers (Version Negotiation).
On most Linux hosts the destination alone decides through which interface a packet leaves, whatever address a program binds:
then both paths may use the same link, or one gets no answer. Where that is so, this prints the "ip rule" and "ip route"
commands that make the system route by source address; it changes nothing itself.
Exit codes: 0 done, 1 no address reaches the server, 2 wrong usage.`;

/** `mpquic paths` */
export const pathsCommand: Command = {
  name: "paths",
  about: "List local addresses, and which of them reach a server",
  help: HELP,
  async run(args) {
    const given = readArguments(args.filter((arg) => arg.startsWith("-")), { flags: ["json"] });
    if (given.has("help")) {
      console.log(HELP);
      return ExitCode.DONE;
    }
    const servers = args.filter((arg) => !arg.startsWith("-"));
    if (servers.length > 1) throw new UsageError(`The argument "${servers[1]}" is one too many`);
    return await paths(given, servers[0] === undefined ? undefined : parseServer(servers[0]));
  },
};

function parseServer(text: string): HostPort {
  const server = parseHostPort(text, "The server");
  if (server.port === 0) throw new UsageError(`The server is "${text}": expected a port from 1 to 65535`);
  return server;
}

async function paths(given: Arguments, server: HostPort | undefined): Promise<number> {
  const locals = localAddresses();
  const routing = await readRouting();
  const reached = server === undefined ? undefined : await reach(locals, server);
  const advice = adviceFor(locals, routing);
  if (given.has("json")) console.log(JSON.stringify(asJson(locals, reached, routing, advice)));
  else {
    console.log(table(locals, reached));
    if (advice.length > 0) console.log(`\n${advise(routing, advice)}`);
  }
  return reached?.every(({ rtt }) => rtt === undefined) ? ExitCode.FAILED : ExitCode.DONE;
}

function table(locals: readonly LocalAddress[], reached: readonly Reached[] | undefined): string {
  const rows = locals.map(({ device, address, loopback }, at) => {
    const found = reached?.[at];
    const says = found === undefined ? loopback ? "this machine only" : "" : outcome(found);
    return [device, address, says];
  });
  return formatTable([["interface", "address", reached === undefined ? "" : "reaches the server"], ...rows]);
}

function outcome({ rtt, to, error }: Reached): string {
  return rtt === undefined ? `no: ${error}` : `yes: ${formatHostPort(to!)} answers in ${rtt.toFixed(1)} ms`;
}

function advise(routing: Routing, advice: readonly string[]): string {
  const says = routing.bySource === undefined
    ? "Whether this system routes by source address cannot be seen from here; most Linux hosts do not. Then"
    : "This system does not route by source address for all of these:";
  return [
    `${says} the destination alone decides through which`,
    "interface a packet leaves. These commands, as root, change that until the next start:",
    "",
    ...advice.map((line) => `  ${line}`),
  ].join("\n");
}

function asJson(
  locals: readonly LocalAddress[],
  reached: readonly Reached[] | undefined,
  routing: Routing,
  commands: readonly string[],
): unknown {
  const addresses = locals.map(({ device, address, loopback }, at) => {
    const found = reached?.[at];
    const plain = { interface: device, address, version: isIP(address), loopback };
    if (found === undefined) return plain;
    const { rtt, to, error } = found;
    const remote = to === undefined ? undefined : formatHostPort(to);
    return { ...plain, remote, reaches: rtt !== undefined, rttMs: rtt === undefined ? undefined : round(rtt), error };
  });
  const rules = routing.bySource;
  const outside = locals.filter(({ loopback }) => !loopback);
  const bySource = rules === undefined ? null : outside.every(({ address }) => rules.includes(address));
  return { ok: true, addresses, routesBySource: bySource, commands };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
