import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Child } from "./child.ts";

/** Bytes of `file.bin`, unless something else is said. */
export const SIZE: number = 3_000_000;

/** A path as `mpquic get --json` tells of it. */
export interface GotPath {
  readonly id: number;
  readonly label: string;
  readonly local: string;
  readonly remote: string;
  readonly bytes: number;
  readonly srttMs: number;
}

/** A server that runs, and what it has. */
export interface Place {
  readonly directory: string;
  readonly size: number;
  readonly sha256: string;
  /** Where the server listens. */
  readonly addresses: readonly string[];
  readonly server: Child;
  readonly ca: string;
}

/** Linux answers on all of 127.0.0.0/8. */
export const ONLY_LINUX: { readonly ignore: boolean } = { ignore: Deno.build.os !== "linux" };

/** A server of `file.bin` on two addresses. */
export async function withServer(
  use: (place: Place) => Promise<void>,
  options: readonly string[] = [],
  size: number = SIZE,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "mpquic-test-" });
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  await Deno.mkdir(join(directory, "root"));
  await Deno.writeFile(join(directory, "root/file.bin"), bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const args = ["serve", "--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0", "--root", "root", ...options];
  const server = new Child(args, { stderr: "piped", env: { INIT_CWD: directory } });
  try {
    await server.waitFor(/(Listening on .*\n){2}/);
    const [, ca] = await server.waitFor(/--ca (\S+)\n/);
    const addresses = [...server.stdout.matchAll(/Listening on (\S+)/g)].map((match) => match[1]!);
    await use({ directory, size, sha256, addresses, server, ca: ca! });
  } finally {
    assertEquals(await server.stop(), 0, server.stderr);
    await Deno.remove(directory, { recursive: true });
  }
}

/** `mpquic get` of the file from one of the addresses. */
export function start({ directory, ca }: Place, address: string, options: readonly string[]): Child {
  const args = ["get", `https://${address}/file.bin`, "-o", "out", "--ca", ca, "--json", ...options];
  return new Child(args, { stderr: "piped", env: { INIT_CWD: directory } });
}

/** Waits for its end, checks the file, and returns the paths. */
export async function pathsOf(child: Child, place: Place): Promise<readonly GotPath[]> {
  assertEquals(await child.end(), 0, child.stdout + child.stderr);
  const { ok, bytes, sha256, paths } = JSON.parse(child.stdout.trim().split("\n").at(-1)!);
  assertEquals([ok, bytes, sha256], [true, place.size, place.sha256]);
  const written = await Deno.readFile(join(place.directory, "out"));
  assertEquals(createHash("sha256").update(written).digest("hex"), place.sha256);
  return paths;
}

/** A relay of two links to the first address of the server. */
export async function withRelay(
  place: Place,
  options: readonly string[],
  use: (relay: Child, fronts: string[]) => Promise<void>,
): Promise<void> {
  const args = ["--to", place.addresses[0]!, "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", ...options];
  const relay = new Child(["relay", ...args], { stderr: "piped" });
  try {
    await relay.waitFor(/(Relaying .*\n){2}/);
    await use(relay, [...relay.stdout.matchAll(/Relaying (\S+) to/g)].map((match) => match[1]!));
  } finally {
    await relay.stop();
  }
}
