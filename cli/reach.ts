/**
 * Which local addresses can be paths, and which of them reach a server.
 *
 * @module
 */
import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { CommandError } from "./errors.ts";
import type { HostPort } from "./where.ts";

/** A local address that can be one end of a path. */
export interface LocalAddress {
  /** The interface's name. */
  readonly device: string;
  /** As a socket takes it. */
  readonly address: string;
  /** Whether it reaches this machine only. */
  readonly loopback: boolean;
  /** The network that it is in, such as `192.0.2.0/24`; `undefined` where the system does not say. */
  readonly network: string | undefined;
}

/** What came of asking a server from one address. */
export interface Reached {
  readonly from: LocalAddress;
  /** Where it was asked; `undefined`: the server has no address of that family. */
  readonly to: HostPort | undefined;
  /** The round trip in milliseconds; `undefined`: no answer. */
  readonly rtt: number | undefined;
  /** Why there is none. */
  readonly error: string | undefined;
}

/** Milliseconds until the server is asked again. */
const ASK_EVERY = 300;
const ATTEMPTS = 4;
/** As a client's first datagram must be (RFC 9000 §14.1): servers do not answer smaller ones. */
const QUESTION_SIZE = 1200;
const ID_LENGTH = 8;

/** The addresses of this machine. Link-local ones of IPv6 are left out: they reach no server. */
export function localAddresses(): LocalAddress[] {
  const found: LocalAddress[] = [];
  for (const [device, list] of Object.entries(networkInterfaces())) {
    for (const { address, internal, cidr } of list ?? []) {
      if (address.toLowerCase().startsWith("fe80:")) continue;
      found.push({ device, address, loopback: internal, network: networkOf(cidr ?? undefined) });
    }
  }
  return found;
}

/** `192.0.2.7/24` is in `192.0.2.0/24`. IPv6 is left as it is, which `ip route` takes as well. */
export function networkOf(cidr: string | undefined): string | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr ?? "");
  if (match === null) return cidr;
  const bits = Number(match[5]);
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  const value = match.slice(1, 5).reduce((sum, part) => sum * 256 + Number(part), 0);
  const network = (value & mask) >>> 0;
  return `${[24, 16, 8, 0].map((shift) => (network >>> shift) & 0xff).join(".")}/${bits}`;
}

/** The IP addresses of a server; throws `CommandError`. */
export async function serverAddresses(server: HostPort): Promise<HostPort[]> {
  if (isIP(server.hostname) !== 0) return [server];
  try {
    const found = await lookup(server.hostname, { all: true });
    return found.map(({ address }) => ({ hostname: address, port: server.port }));
  } catch (error) {
    throw new CommandError(`Cannot find "${server.hostname}": ${(error as Error).message}`);
  }
}

/** Asks a server from each address; an address of this machine only is for servers on this machine only, and the reverse. */
export async function reach(from: readonly LocalAddress[], server: HostPort): Promise<Reached[]> {
  const addresses = await serverAddresses(server);
  return await Promise.all(from.map(async (local): Promise<Reached> => {
    const to = addresses.find(({ hostname }) => isIP(hostname) === isIP(local.address));
    if (to === undefined) return { from: local, to, rtt: undefined, error: "the server has no address of its family" };
    if (local.loopback !== isLoopback(to.hostname)) {
      const error = local.loopback ? "it reaches this machine only" : "the server is on this machine";
      return { from: local, to, rtt: undefined, error };
    }
    return { from: local, to, ...await ask(local.address, to) };
  }));
}

/** Asks for a QUIC version that nobody has: every server says which it has (RFC 9000 §6.1, RFC 8999 §6). */
async function ask(local: string, to: HostPort): Promise<{ rtt: number | undefined; error: string | undefined }> {
  const socket = createSocket(isIP(local) === 6 ? "udp6" : "udp4");
  try {
    socket.bind({ address: local, port: 0 });
    await once(socket, "listening");
    const question = makeQuestion();
    for (let n = 0; n < ATTEMPTS; n += 1) {
      const rtt = await askOnce(socket, question, to);
      if (rtt !== undefined) return { rtt, error: undefined };
    }
    return { rtt: undefined, error: "no answer" };
  } catch (error) {
    return { rtt: undefined, error: (error as Error).message };
  } finally {
    socket.close();
  }
}

function askOnce(socket: Socket, question: Uint8Array, to: HostPort): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const startedAt = performance.now();
  const timer = setTimeout(() => resolve(undefined), ASK_EVERY);
  const onMessage = (data: Uint8Array): void => {
    if (isAnswer(data, question)) resolve(performance.now() - startedAt);
  };
  socket.on("message", onMessage);
  socket.on("error", reject);
  socket.send(question, to.port, to.hostname, (error) => error && reject(error));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.off("message", onMessage);
    socket.off("error", reject);
    socket.on("error", () => {});
  });
}

/** A long header with a reserved version (RFC 9000 §15) and ids of 8 random bytes. */
export function makeQuestion(): Uint8Array {
  const question = new Uint8Array(QUESTION_SIZE);
  crypto.getRandomValues(question);
  question[0] = 0xc0 | question[0]!;
  for (let i = 1; i <= 4; i += 1) question[i] = (question[i]! & 0xf0) | 0x0a;
  question[5] = ID_LENGTH;
  question[6 + ID_LENGTH] = ID_LENGTH;
  return question;
}

/** Whether it is a Version Negotiation packet in answer to the question: the ids come back the other way round. */
export function isAnswer(data: Uint8Array, question: Uint8Array): boolean {
  const ids = 6 + ID_LENGTH;
  if (data.length < 15 + ID_LENGTH + 4 || (data[0]! & 0x80) === 0) return false;
  if (data.subarray(1, 5).some((byte) => byte !== 0)) return false;
  if (data[5] !== ID_LENGTH || data[ids] !== ID_LENGTH) return false;
  for (let i = 0; i < ID_LENGTH; i += 1) {
    if (data[6 + i] !== question[ids + 1 + i] || data[ids + 1 + i] !== question[6 + i]) return false;
  }
  return true;
}

/** Whether the address is of this machine only. */
export function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
