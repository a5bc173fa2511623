/** Handshakes in memory for tests: both sides, what each put out, and a hand on every message between them. */
import { nodeProvider } from "../node_provider.ts";
import type { CryptoProvider, RandomBytes } from "../provider.ts";
import { authority, type KeyKind, leaf, once, signingKey } from "./certificates_fixture_test.ts";
import { createTlsClient, type TlsClientOptions } from "./client.ts";
import { createTlsServer, type ServerCredentials, type TlsServerOptions } from "./server.ts";
import type { TlsLevel, TlsOutput, TlsSession } from "./session.ts";

/** 2026-06-01. */
export const NOW = Date.UTC(2026, 5, 1);

export const provider: CryptoProvider = nodeProvider();

/** Bytes that look random and are the same in each run (splitmix-like; for tests only). */
export function seeded(seed: number): RandomBytes {
  let state = seed >>> 0;
  return (into) => {
    for (let i = 0; i < into.length; i++) {
      state = (state + 0x9e3779b9) >>> 0;
      let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      into[i] = z ^ (z >>> 15);
    }
  };
}

/** A provider with only that suite (`undefined`: all) and those groups. */
export function only(
  base: CryptoProvider,
  suite: number | undefined,
  groups: CryptoProvider["groups"],
): CryptoProvider {
  const suites = base.suites.filter(({ id }) => suite === undefined || id === suite);
  return new Proxy(base, {
    get(target, key) {
      if (key === "suites") return suites;
      if (key === "groups") return groups;
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const root = once(() => authority({}));

/** The trusted root of `credentials`. */
export async function roots(): Promise<Uint8Array[]> {
  return [(await root()).der];
}

const made = new Map<KeyKind, () => Promise<ServerCredentials>>();

/** A chain for localhost and 127.0.0.1 with a leaf of that kind; made once. */
export function credentials(kind: KeyKind = "p256"): Promise<ServerCredentials> {
  let make = made.get(kind);
  if (make === undefined) {
    make = once(async () => {
      const issued = await leaf({ issuer: await root(), kind, dns: ["localhost", "*.example.com"], ip: ["127.0.0.1"] });
      return { certificates: [issued.der], key: await signingKey(issued) };
    });
    made.set(kind, make);
  }
  return make();
}

export async function clientOptions(over: Partial<TlsClientOptions> = {}): Promise<TlsClientOptions> {
  return {
    provider,
    random: seeded(1),
    serverName: "localhost",
    alpnProtocols: ["test"],
    transportParameters: Uint8Array.of(1, 2, 3),
    roots: await roots(),
    time: NOW,
    ...over,
  };
}

export async function serverOptions(over: Partial<TlsServerOptions> = {}): Promise<TlsServerOptions> {
  return {
    provider,
    random: seeded(2),
    ...await credentials(),
    alpnProtocols: ["test"],
    transportParameters: Uint8Array.of(4, 5),
    ...over,
  };
}

/** A message on its way. */
export interface Sent {
  readonly from: "client" | "server";
  readonly level: TlsLevel;
  readonly data: Uint8Array;
}

/** Both sides and what they have put out so far. */
export interface Pair {
  readonly client: TlsSession;
  readonly server: TlsSession;
  readonly clientOutputs: TlsOutput[];
  readonly serverOutputs: TlsOutput[];
}

export async function pair(
  client: Partial<TlsClientOptions> = {},
  server: Partial<TlsServerOptions> = {},
): Promise<Pair> {
  return {
    client: createTlsClient(await clientOptions(client)),
    server: createTlsServer(await serverOptions(server)),
    clientOutputs: [],
    serverOutputs: [],
  };
}

/** What arrives for what was sent; by default itself. */
export type Courier = (sent: Sent) => readonly Sent[];

/** Carries messages to and fro until both sides are silent. */
export function shake(pair: Pair, courier: Courier = (sent) => [sent]): Pair {
  for (let isQuiet = false; !isQuiet;) {
    const toServer = drain(pair.client, "client", pair.clientOutputs);
    const toClient = drain(pair.server, "server", pair.serverOutputs);
    for (const sent of toServer) for (const one of courier(sent)) pair.server.receive(one.level, one.data);
    for (const sent of toClient) for (const one of courier(sent)) pair.client.receive(one.level, one.data);
    isQuiet = toServer.length + toClient.length === 0;
  }
  return pair;
}

function drain(session: TlsSession, from: Sent["from"], log: TlsOutput[]): Sent[] {
  const sent: Sent[] = [];
  for (let output = session.next(); output !== undefined; output = session.next()) {
    log.push(output);
    if (output.kind === "send") sent.push({ from, level: output.level, data: output.data });
  }
  return sent;
}

/** A side's secrets by "level use", as hexadecimal text. */
export function secrets(outputs: readonly TlsOutput[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const output of outputs) {
    if (output.kind === "secret") found[`${output.level} ${output.use}`] = hex(output.secret);
  }
  return found;
}

/** Outputs in words: "send initial", "secret handshake write", "parameters", "complete". */
export function words(outputs: readonly TlsOutput[]): string[] {
  return outputs.map((output) => {
    switch (output.kind) {
      case "send":
        return `send ${output.level}`;
      case "secret":
        return `secret ${output.level} ${output.use}`;
      default:
        return output.kind;
    }
  });
}

export function isComplete(outputs: readonly TlsOutput[]): boolean {
  return outputs.some((output) => output.kind === "complete");
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
