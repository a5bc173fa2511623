/**
 * What a packet costs beside its cryptography: two connections joined by an ideal pipe in virtual time, no trace. "null"
 * seals nothing, "node" as in earnest; the difference is the price of the cryptography.
 *
 * `deno run -A tests/bench/world_bench.ts [megabytes] [null|node] [streams] [loss]` prints microseconds per packet and end;
 * `--cpu-prof` shows where they go. Of every `loss` packets one is lost, 0: none. `deno bench` runs a short form of it.
 *
 * @module
 */
import { nodeProvider } from "../../crypto/mod.ts";
import { decodePem } from "../../crypto/tls/mod.ts";
import type { AeadKey, CryptoProvider, HeaderKey } from "../../crypto/provider.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import { Endpoint } from "../../transport/endpoint/endpoint.ts";
import { WORLD_CERTIFICATE, WORLD_KEY, WORLD_NAME, WORLD_TIME } from "../kit/identity.ts";
import { Random } from "../kit/random.ts";

const CLIENT = { hostname: "10.0.0.1", port: 50_000 };
const SERVER = { hostname: "192.0.2.1", port: 443 };
const ALPN = ["bench"];
/** One way. */
const DELAY = 5;
const TAG = 16;
const PIECE = new Uint8Array(65_536).fill(7);

const NULL_AEAD: AeadKey = {
  seal: (_nonce, _buffer, _aadStart, _start, end) => end + TAG,
  open: (_nonce, _buffer, _aadStart, _start, end) => end - TAG,
};
const NULL_HEADER: HeaderKey = { mask: (_buffer, _at, into) => void into.fill(0) };

/** Node's provider with packet protection that does nothing. */
function nullProvider(): CryptoProvider {
  const node = nodeProvider();
  return {
    name: "null",
    suites: node.suites,
    groups: node.groups,
    aead: () => NULL_AEAD,
    header: () => NULL_HEADER,
    hash: (name) => node.hash(name),
    hmac: (name, key, data) => node.hmac(name, key, data),
    keyShare: (group, random) => node.keyShare(group, random),
    signingKey: (pem) => node.signingKey(pem),
    verify: (scheme, key, data, signature) => node.verify(scheme, key, data, signature),
  };
}

interface InFlight {
  readonly at: number;
  readonly data: Uint8Array;
  readonly length: number;
}

/** One end, and what is on its way to it. */
class End {
  readonly endpoint: Endpoint;
  readonly local: typeof CLIENT;
  readonly remote: typeof CLIENT;
  connection: Connection | undefined;
  readonly arriving: InFlight[] = [];
  head = 0;
  packets = 0;

  constructor(endpoint: Endpoint, local: typeof CLIENT, remote: typeof CLIENT) {
    this.endpoint = endpoint;
    this.local = local;
    this.remote = remote;
  }

  get nextAt(): number {
    const arrival = this.arriving[this.head]?.at ?? Infinity;
    return Math.min(arrival, this.endpoint.nextTimeout());
  }
}

/** A transfer of so many bytes; how many packets carried data, and what it took. */
export function transfer(
  bytes: number,
  provider: CryptoProvider,
  streams = 1,
  loss = 0,
): { packets: number; milliseconds: number } {
  const random = new Random(1);
  const fill = (into: Uint8Array): void => random.fill(into);
  const server = new End(
    new Endpoint({
      provider,
      random: fill,
      server: {
        tls: {
          certificates: decodePem(WORLD_CERTIFICATE, "CERTIFICATE"),
          key: provider.signingKey(WORLD_KEY),
          alpnProtocols: ALPN,
        },
      },
    }),
    SERVER,
    CLIENT,
  );
  const client = new End(new Endpoint({ provider, random: fill }), CLIENT, SERVER);
  client.connection = client.endpoint.connect({
    local: CLIENT,
    remote: SERVER,
    now: 0,
    transport: { maxUnidirectionalStreams: 10_000 },
    tls: {
      serverName: WORLD_NAME,
      alpnProtocols: ALPN,
      roots: decodePem(WORLD_CERTIFICATE, "CERTIFICATE"),
      time: WORLD_TIME,
    },
  });
  return new Pipe(client, server, bytes, streams, loss).run();
}

/** The network, and the application at both ends. */
class Pipe {
  readonly #client: End;
  readonly #server: End;
  readonly #bytes: number;
  readonly #buffer = new Uint8Array(65_536);
  readonly #free: Uint8Array[] = [];
  readonly #streams: number[] = [];
  readonly #left: number[];
  readonly #loss: number;
  #carried = 0;
  #received = 0;
  #startedAt = 0;

  constructor(client: End, server: End, bytes: number, streams: number, loss: number) {
    this.#client = client;
    this.#server = server;
    this.#left = new Array(streams).fill(Math.floor(bytes / streams));
    this.#bytes = streams * this.#left[0]!;
    this.#loss = loss;
  }

  run(): { packets: number; milliseconds: number } {
    const [client, server] = [this.#client, this.#server];
    let now = 0;
    while (this.#received < this.#bytes) {
      this.#deliver(client, now);
      this.#deliver(server, now);
      client.endpoint.handleTimeout(now);
      server.endpoint.handleTimeout(now);
      this.#readAtClient();
      this.#writeAtServer();
      this.#collect(client, server, now);
      this.#collect(server, client, now);
      const next = Math.min(client.nextAt, server.nextAt);
      if (next === Infinity) throw new Error(`Stuck at ${now} ms with ${this.#received} bytes`);
      now = Math.max(now, next);
    }
    return { packets: server.packets, milliseconds: performance.now() - this.#startedAt };
  }

  #deliver(end: End, now: number): void {
    const { arriving, endpoint } = end;
    while (end.head < arriving.length && arriving[end.head]!.at <= now) {
      const { data, length } = arriving[end.head++]!;
      const datagram = {
        data: data.subarray(0, length),
        local: end.local,
        remote: end.remote,
        ecn: "not-ect",
      } as const;
      const arrival = endpoint.receive(datagram, now);
      if (arrival.kind === "incoming") end.connection = endpoint.accept(arrival.incoming, now);
      this.#free.push(data);
    }
    if (end.head > 4096) arriving.splice(0, end.head), end.head = 0;
  }

  #collect(from: End, to: End, now: number): void {
    if (from.connection === undefined) return;
    for (;;) {
      const sent = from.connection.transmit(now, this.#buffer);
      if (sent === undefined) return;
      for (let at = 0; at < sent.length; at += sent.segment) {
        const length = Math.min(sent.segment, sent.length - at);
        if (this.#loss > 0 && ++this.#carried % this.#loss === 0) continue;
        const data = this.#free.pop() ?? new Uint8Array(1500);
        data.set(this.#buffer.subarray(at, at + length));
        to.arriving.push({ at: now + DELAY, data, length });
        from.packets++;
      }
    }
  }

  #readAtClient(): void {
    const connection = this.#client.connection!;
    for (let event = connection.nextEvent(); event !== undefined; event = connection.nextEvent()) {
      if (event.type === "closed") throw event.error;
      if (event.type !== "stream_readable") continue;
      for (let data = connection.read(event.id); data; data = connection.read(event.id)) this.#received += data.length;
    }
  }

  #writeAtServer(): void {
    const { connection } = this.#server;
    if (connection === undefined) return;
    for (let event = connection.nextEvent(); event !== undefined; event = connection.nextEvent()) {
      if (event.type === "closed") throw event.error;
      if (event.type !== "confirmed") continue;
      for (let i = 0; i < this.#left.length; i++) this.#streams.push(connection.openStream("unidirectional")!);
      this.#startedAt = performance.now();
      this.#server.packets = 0;
    }
    for (const [i, id] of this.#streams.entries()) {
      while (this.#left[i]! > 0) {
        const piece = PIECE.subarray(0, Math.min(PIECE.length, this.#left[i]!));
        const taken = connection.write(id, piece);
        this.#left[i]! -= taken;
        if (taken < piece.length) break;
      }
    }
  }
}

if (import.meta.main) {
  const megabytes = Number(Deno.args[0] ?? 100);
  const provider = Deno.args[1] === "node" ? nodeProvider() : nullProvider();
  transfer(5e6, provider);
  const [streams, loss] = [Number(Deno.args[2] ?? 1), Number(Deno.args[3] ?? 0)];
  const { packets, milliseconds } = transfer(megabytes * 1e6, provider, streams, loss);
  const each = milliseconds * 1000 / packets / 2;
  const rate = megabytes * 1000 / milliseconds;
  console.log(
    `${provider.name}: ${packets} packets, ${milliseconds.toFixed(0)} ms, ${rate.toFixed(1)} MB/s, ` +
      `${each.toFixed(2)} µs per packet and end`,
  );
} else {
  for (const provider of [nullProvider(), nodeProvider()]) {
    Deno.bench(`5 MB through both ends, ${provider.name} protection`, { group: "world", n: 5, warmup: 2 }, () => {
      transfer(5e6, provider);
    });
  }
}
