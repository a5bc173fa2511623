import { readArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { CommandError, ExitCode, UsageError } from "./errors.ts";
import { openRelay, type Relay } from "./relay.ts";
import { defaultQueue, type LinkShape } from "./relay_link.ts";
import { onSignal } from "./signals.ts";
import { formatHostPort, parseHostPort } from "./where.ts";

const HELP = `Relays UDP datagrams through a link with a rate, a delay and a queue, to try things on one machine.

Usage: mpquic relay --listen HOST:PORT --to HOST:PORT [options]

  --listen HOST:PORT  Where clients send to; port 0: any
  --to HOST:PORT      The server
  --rate MBPS         Mbit/s in each direction. Default: no limit
  --delay MS          One way, in milliseconds. Default 0
  --queue MS          A datagram that would wait longer is dropped. Default: a round trip, at least ten full datagrams
  -h, --help          This text

It reads commands from standard input, a line each, and answers each with a line of JSON (what went through so far):
  stats               only that
  dead, alive         swallow all that comes from now on; carry it again
  rebind              come to the server from new ports, as a NAT does that forgets
  rate MBPS, delay MS change the link from the next datagram on
It ends with its standard input, or by Ctrl-C.`;

const MAX_RATE = 100_000;
const MAX_DELAY = 60_000;

/** `mpquic relay` */
export const relayCommand: Command = {
  name: "relay",
  about: "Relay UDP through a link with a rate and a delay",
  help: HELP,
  async run(args) {
    const given = readArguments(args, { values: ["listen", "to", "rate", "delay", "queue"] });
    if (given.has("help")) {
      console.log(HELP);
      return ExitCode.DONE;
    }
    const rate = given.number("rate", 0.001, MAX_RATE) ?? Infinity;
    const delay = given.number("delay", 0, MAX_DELAY) ?? 0;
    const queue = given.number("queue", 0, MAX_DELAY) ?? defaultQueue(rate, 2 * delay);
    const shape: LinkShape = { rate, delay, queue };
    const listen = parseHostPort(given.required("listen"), "--listen");
    const server = parseHostPort(given.required("to"), "--to");
    const relay = await openRelay({ listen, server, up: shape, down: shape }).catch((error: unknown) => {
      throw new CommandError(`Cannot relay: ${(error as Error).message}`);
    });
    console.log(`Relaying ${formatHostPort(relay.address)} to ${formatHostPort(server)}`);
    await obey(relay);
    return ExitCode.DONE;
  },
};

async function obey(relay: Relay): Promise<void> {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  const stop = new AbortController();
  using _signals = onSignal(() => stop.abort());
  let text = "";
  try {
    await lines.pipeTo(
      new WritableStream({
        async write(part) {
          text += part;
          const complete = text.split("\n");
          text = complete.pop()!;
          for (const line of complete) await obeyLine(relay, line.trim());
        },
      }),
      { signal: stop.signal },
    );
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await relay.close();
  }
}

async function obeyLine(relay: Relay, line: string): Promise<void> {
  try {
    await obeyOne(relay, line.split(/\s+/));
    console.log(JSON.stringify({ ok: true, ...relay.counts }));
  } catch (error) {
    console.log(JSON.stringify({ ok: false, error: (error as Error).message }));
  }
}

async function obeyOne(relay: Relay, [verb, value]: string[]): Promise<void> {
  const number = Number(value);
  if (verb === "stats") return;
  if (verb === "dead" || verb === "alive") relay.setDead(verb === "dead");
  else if (verb === "rebind") await relay.rebind();
  else if (verb === "rate" && number > 0) relay.reshape({ rate: number });
  else if (verb === "delay" && number >= 0) relay.reshape({ delay: number });
  else throw new UsageError(`"${[verb, value].join(" ").trim()}" is no command: see mpquic relay --help`);
}
