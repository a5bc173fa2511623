import { type Arguments, readArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { CommandError, ExitCode, UsageError } from "./errors.ts";
import { openRelay, type Relay, type RelayOptions } from "./relay.ts";
import { defaultQueue, type LinkShape } from "./relay_link.ts";
import { onSignal } from "./signals.ts";
import { formatHostPort, parseHostPort } from "./where.ts";

const HELP = `Relays UDP datagrams through links with a rate, a delay and a queue each, to try things on one machine.

Usage: mpquic relay --listen HOST:PORT --to HOST:PORT [options]

  --listen HOST:PORT  Where clients send to; port 0: any. More than once for several links, all to the same server
  --to HOST:PORT      The server
  --rate MBPS         Mbit/s in each direction. Default: no limit
  --delay MS          One way, in milliseconds. Default 0
  --queue MS          A datagram that would wait longer is dropped. Default: a round trip (one bandwidth-delay product), at
                      least ten full datagrams
  -h, --help          This text

With several links the first --rate, --delay and --queue are of the first, the second of the second; where one is given
once, it is of all.

It reads commands from standard input, a line each, and answers each with a line of JSON (what went through so far):
  stats               only that
  dead, alive         swallow all that comes from now on; carry it again
  rebind              come to the server from new ports, as a NAT does that forgets
  rate MBPS, delay MS change the link from the next datagram on
With several links the answer has "links", a list, and a number before a command ("1 dead") is that of the only link that it
is for; the first is 0. It ends with its standard input, or by Ctrl-C.`;

const MAX_RATE = 100_000;
const MAX_DELAY = 60_000;

/** `mpquic relay` */
export const relayCommand: Command = {
  name: "relay",
  about: "Relay UDP through a link with a rate and a delay",
  help: HELP,
  async run(args) {
    const given = readArguments(args, { values: ["to"], lists: ["listen", "rate", "delay", "queue"] });
    if (given.has("help")) {
      console.log(HELP);
      return ExitCode.DONE;
    }
    given.required("listen");
    const server = parseHostPort(given.required("to"), "--to");
    const links = given.list("listen").map((text, n) => {
      return { listen: parseHostPort(text, "--listen"), server, ...shapes(given, n) };
    });
    const relays: Relay[] = [];
    for (const link of links) relays.push(await open(link, relays));
    for (const { address } of relays) console.log(`Relaying ${formatHostPort(address)} to ${formatHostPort(server)}`);
    await obey(relays);
    return ExitCode.DONE;
  },
};

async function open(link: RelayOptions, before: readonly Relay[]): Promise<Relay> {
  try {
    return await openRelay(link);
  } catch (error) {
    for (const relay of before) await relay.close();
    throw new CommandError(`Cannot relay: ${(error as Error).message}`);
  }
}

/** What link `n` is like. */
function shapes(given: Arguments, n: number): { up: LinkShape; down: LinkShape } {
  const rate = numberOf(given, "rate", n, 0.001, MAX_RATE) ?? Infinity;
  const delay = numberOf(given, "delay", n, 0, MAX_DELAY) ?? 0;
  const queue = numberOf(given, "queue", n, 0, MAX_DELAY) ?? defaultQueue(rate, 2 * delay);
  const shape: LinkShape = { rate, delay, queue };
  return { up: shape, down: shape };
}

function numberOf(given: Arguments, name: string, n: number, least: number, most: number): number | undefined {
  const texts = given.list(name);
  const links = given.list("listen").length;
  if (texts.length > 1 && texts.length !== links) {
    throw new UsageError(
      `"--${name}" was given ${texts.length} times for ${links} links: expected one, or one for each`,
    );
  }
  const text = texts.length === 1 ? texts[0] : texts[n];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (text.trim() !== "" && number >= least && number <= most) return number;
  throw new UsageError(`"--${name}" is "${text}": expected a number from ${least} to ${most}`);
}

async function obey(relays: readonly Relay[]): Promise<void> {
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
          for (const line of complete) await obeyLine(relays, line.trim());
        },
      }),
      { signal: stop.signal },
    );
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    for (const relay of relays) await relay.close();
  }
}

async function obeyLine(relays: readonly Relay[], line: string): Promise<void> {
  try {
    const words = line.split(/\s+/);
    const one = /^\d+$/.test(words[0]!) ? relays[Number(words.shift())] : undefined;
    if (one === undefined && /^\d/.test(line)) throw new UsageError(`"${line}" is for a link that there is not`);
    for (const relay of one === undefined ? relays : [one]) await obeyOne(relay, words);
    const counts = relays.length === 1 ? relays[0]!.counts : { links: relays.map((relay) => relay.counts) };
    console.log(JSON.stringify({ ok: true, ...counts }));
  } catch (error) {
    console.log(JSON.stringify({ ok: false, error: (error as Error).message }));
  }
}

async function obeyOne(relay: Relay, [verb, value]: readonly string[]): Promise<void> {
  const number = Number(value);
  if (verb === "stats") return;
  if (verb === "dead" || verb === "alive") relay.setDead(verb === "dead");
  else if (verb === "rebind") await relay.rebind();
  else if (verb === "rate" && number > 0) relay.reshape({ rate: number });
  else if (verb === "delay" && number >= 0) relay.reshape({ delay: number });
  else throw new UsageError(`"${[verb, value].join(" ").trim()}" is no command: see mpquic relay --help`);
}
