import { assert, assertEquals } from "@std/assert";
import { createSocket, type Socket } from "node:dgram";
import { join } from "node:path";
import { Child } from "../../cli/child.ts";
import { FOREIGN } from "./builtin.ts";
import { contentOf, type Served, sha256, withServed } from "./served.ts";

const DATAGRAMS = 20_000;
const BURST = 40;
/** Milliseconds between two bursts. */
const PAUSE = 5;
const FILE = 5_000_000;
const INITIAL_SIZE = 1200;
/** The server's memory after all of it, in bytes. */
const MEMORY_LIMIT = 250_000_000;

/** A datagram that looks like a client's first one in all that can be seen without keys; the rest is random. */
function fakeInitial(): Uint8Array {
  const datagram = crypto.getRandomValues(new Uint8Array(INITIAL_SIZE));
  const view = new DataView(datagram.buffer);
  const idLength = 8 + datagram[1]! % 13;
  view.setUint8(0, 0xc0 | (datagram[0]! & 0x0f));
  view.setUint32(1, 1);
  let at = 5;
  view.setUint8(at, idLength);
  at += 1 + idLength;
  view.setUint8(at, 8);
  at += 9;
  view.setUint8(at, 0);
  at += 1;
  view.setUint16(at, 0x4000 | (INITIAL_SIZE - at - 2));
  return datagram;
}

function garbage(): Uint8Array {
  const [first, second] = crypto.getRandomValues(new Uint8Array(2));
  return crypto.getRandomValues(new Uint8Array(1 + (first! * 256 + second!) % 1452));
}

/** Sends noise, spread over time, until all of it is out and a client was through; resolves to how many that were. */
async function makeNoise(socket: Socket, port: number, state: { through: number; over: boolean }): Promise<number> {
  let sent = 0;
  while ((sent < DATAGRAMS || state.through === 0) && !state.over) {
    for (let n = 0; n < BURST; n += 1, sent += 1) {
      socket.send(sent % 2 === 0 ? garbage() : fakeInitial(), port, "127.0.0.1");
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  state.over = true;
  return sent;
}

/** The honest client: exit code and SHA-256 of what it got. */
async function getOnce({ port, ca, directory }: Served, n: number): Promise<[number, string]> {
  const output = join(directory, `out${n}`);
  const child = new Child(["get", `https://127.0.0.1:${port}/f.bin`, "-o", output, "--ca", ca], { stderr: "piped" });
  const code = await child.end();
  if (code !== 0) return [code, child.stderr];
  const got = sha256(await Deno.readFile(output));
  await Deno.remove(output);
  return [code, got];
}

async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

Deno.test("20,000 datagrams of noise keep no honest client from its file", FOREIGN, async () => {
  const expected = sha256(contentOf("f.bin", FILE));
  await withServed({ "f.bin": FILE }, async (served) => {
    const socket = createSocket("udp4");
    const state = { through: 0, over: false };
    const noise = makeNoise(socket, served.port, state);
    try {
      for (let n = 0; !state.over; n += 1) {
        assertEquals(await getOnce(served, n), [0, expected]);
        state.through += 1;
      }
    } finally {
      state.over = true;
      await noise;
      socket.close();
    }
    assert(await noise >= DATAGRAMS);
    assertEquals(await getOnce(served, -1), [0, expected]);
    const resident = await residentBytes(served.child.pid);
    assert(resident < MEMORY_LIMIT, `The server has ${resident} bytes in memory`);
  });
});
