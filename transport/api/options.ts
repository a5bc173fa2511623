/**
 * The options of the public API, and how they become those of the layers below.
 *
 * @module
 */
import { CryptoError, type CryptoProvider } from "../../crypto/provider.ts";
import { checkKeyMatches } from "../../crypto/tls/certificates.ts";
import { decodePem } from "../../crypto/tls/pem.ts";
import { resolveConfig, type TransportConfig } from "../connection/config.ts";
import type { ServerTls } from "../connection/options.ts";
import type { QuicCloseInfo, QuicListenOptions, QuicTransportOptions } from "./types.ts";

const CONGESTION: Readonly<Record<string, "cubic" | "newreno">> = {
  default: "cubic",
  throughput: "cubic",
  cubic: "cubic",
  "low-latency": "newreno",
  newreno: "newreno",
};

/** The transport's settings; throws `TypeError` and `RangeError` naming the option. */
export function transportConfig(options: QuicTransportOptions): TransportConfig {
  const config: Record<string, unknown> = { ...options.transport };
  const set = (key: keyof TransportConfig, name: keyof QuicTransportOptions): void => {
    const value = options[name];
    if (value === undefined) return;
    if (typeof value !== "number" || !(value >= 0) || value === Infinity) {
      throw new RangeError(`"${name}" is ${shown(value)}: expected a number from 0 up`);
    }
    config[key] = value;
  };
  set("keepAlive", "keepAliveInterval");
  set("maxIdleTimeout", "maxIdleTimeout");
  set("maxBidirectionalStreams", "maxConcurrentBidirectionalStreams");
  set("maxUnidirectionalStreams", "maxConcurrentUnidirectionalStreams");
  set("maxPaths", "maxPaths");
  if (options.mode !== undefined) config.mode = options.mode;
  if (options.congestionControl !== undefined) {
    const congestion = CONGESTION[options.congestionControl];
    if (congestion === undefined) {
      const known = Object.keys(CONGESTION).join(", ");
      throw new TypeError(`"congestionControl" is "${options.congestionControl}": expected one of ${known}`);
    }
    config.congestion = congestion;
  }
  resolveConfig(config);
  return config;
}

/** Checks that options are there at all; throws `TypeError`. */
export function checkOptions(options: unknown): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Options are ${shown(options)}: expected an object`);
  }
}

/** A value as it is told in messages. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null
    ? "an object"
    : typeof value === "function"
    ? "a function"
    : String(value);
}

/** Checks `alpnProtocols`; throws `TypeError`. */
export function checkProtocols(protocols: readonly string[] | undefined): readonly string[] {
  if (!Array.isArray(protocols)) {
    throw new TypeError(`"alpnProtocols" is ${shown(protocols)}: expected a list of names`);
  }
  if (protocols.length === 0) throw new TypeError('"alpnProtocols" is empty: expected at least one protocol');
  for (const each of protocols) {
    if (typeof each === "string" && each !== "" && new TextEncoder().encode(each).length < 256) continue;
    throw new TypeError(`"alpnProtocols" holds ${JSON.stringify(each)}: expected names of 1 to 255 bytes`);
  }
  return [...protocols];
}

/** Checks that an option is a string with something in it; throws `TypeError`. */
export function checkText(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new TypeError(`"${name}" is ${JSON.stringify(value) ?? "undefined"}: expected text`);
}

/** Checks the port of a peer; throws `RangeError`. */
export function checkPort(port: unknown): number {
  if (typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new RangeError(`"port" is ${String(port)}: expected an integer from 1 to 65535`);
}

/** The certificates in PEM texts, as DER; throws `TypeError` when one holds none. */
export function certificates(name: string, texts: readonly string[]): Uint8Array[] {
  if (!Array.isArray(texts)) throw new TypeError(`"${name}" is no list: expected a list of texts in PEM`);
  return texts.flatMap((text, i) => {
    const where = texts.length === 1 ? `"${name}"` : `"${name}"[${i}]`;
    const found = reading(where, () => decodePem(checkText(name, text), "CERTIFICATE"));
    if (found.length === 0) throw new TypeError(`${where} holds no certificate: expected PEM`);
    return found;
  });
}

/** A server's part of TLS; throws `TypeError` when certificate and key are of no use. */
export function serverTls(options: QuicListenOptions, provider: CryptoProvider): ServerTls {
  const alpnProtocols = checkProtocols(options.alpnProtocols);
  const chain = certificates("cert", [options.cert]);
  const key = reading('"key"', () => provider.signingKey(checkText("key", options.key)));
  checkKeyMatches(provider, chain[0]!, key);
  return { alpnProtocols, certificates: chain, key };
}

/** Throws `TypeError` or `RangeError` for what cannot be. */
export function checkCloseInfo(info: QuicCloseInfo | undefined): QuicCloseInfo {
  const { closeCode = 0, reason = "" } = info ?? {};
  if (!Number.isInteger(closeCode) || closeCode < 0 || closeCode > Number.MAX_SAFE_INTEGER) {
    throw new RangeError(`"closeCode" is ${String(closeCode)}: expected an integer from 0 to 2^53-1`);
  }
  if (typeof reason !== "string") throw new TypeError(`"reason" is a ${typeof reason}: expected text`);
  return { closeCode, reason };
}

function reading<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    throw new TypeError(`${where} cannot be read: ${error.message}`, { cause: error });
  }
}
