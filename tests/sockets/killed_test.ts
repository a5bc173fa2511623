/** One of two processes with two paths between them is killed in mid-transfer: the other notices, and ends by itself. */
import { assert, assertGreater, assertRejects } from "@std/assert";
import { connectQuic, IdleTimeoutError, type QuicConn, QuicEndpoint } from "../../mod.ts";
import { WORLD_CERTIFICATE, WORLD_KEY } from "../kit/identity.ts";

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const PROCESS = new URL("killed_process.ts", import.meta.url).pathname;
const ONLY_LINUX = { ignore: Deno.build.os !== "linux" };
const ALPN = ["test"];
/** Milliseconds of silence after which a connection is over. */
const IDLE = 1500;

function start(...args: readonly string[]): Deno.ChildProcess {
  const flags = ["run", "-A", "--no-lock", "--quiet", "--unstable-net", `--config=${CONFIG}`];
  const command = new Deno.Command(Deno.execPath(), {
    args: [...flags, PROCESS, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  });
  return command.spawn();
}

/** Reads until both paths have brought something, kills the other end, and reads until the connection is over. */
async function outlive(conn: QuicConn, child: Deno.ChildProcess): Promise<void> {
  const arrivals = conn.incomingUnidirectionalStreams.getReader();
  const reader = (await arrivals.read()).value!.getReader();
  const carried = (): number[] => conn.stats().paths.map(({ streamBytesReceived }) => streamBytesReceived);
  while (carried().length < 2 || carried().some((bytes) => bytes < 100_000)) assert(!(await reader.read()).done);
  child.kill("SIGKILL");
  const killed = performance.now();
  await assertRejects(async () => {
    while (!(await reader.read()).done);
  }, IdleTimeoutError);
  await assertRejects(() => conn.closed, IdleTimeoutError);
  // What had arrived before and waited to be read is read first; three PTOs are the least that a timeout can be.
  assertGreater(performance.now() - killed, IDLE / 2);
  arrivals.releaseLock();
}

Deno.test(
  "A client outlives the server's process, which is killed in the middle of sending over two paths",
  ONLY_LINUX,
  async () => {
    const child = start("server");
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const port = Number((await lines.read()).value);
    const conn = await connectQuic({
      hostname: "127.0.0.1",
      port,
      alpnProtocols: ALPN,
      caCerts: [WORLD_CERTIFICATE],
      maxIdleTimeout: IDLE,
      paths: [{ local: "127.0.0.1" }, { local: "127.0.0.2" }],
    });
    await outlive(conn, child);
    await conn.endpoint.closed;
    await child.status;
    await lines.cancel();
  },
);

Deno.test(
  "A server outlives the client's process, which is killed in the middle of sending over two paths, and serves another",
  ONLY_LINUX,
  async () => {
    await using endpoint = new QuicEndpoint({ hostname: "127.0.0.1" });
    const listener = endpoint.listen({
      cert: WORLD_CERTIFICATE,
      key: WORLD_KEY,
      alpnProtocols: ALPN,
      maxIdleTimeout: IDLE,
    });
    const port = String(endpoint.addr.port);
    const first = start("client", port);
    await outlive(await listener.accept(), first);
    const second = start("client", port);
    const conn = await listener.accept();
    const { value: stream } = await conn.incomingUnidirectionalStreams.getReader().read();
    assert(!(await stream!.getReader().read()).done);
    conn.close();
    second.kill("SIGKILL");
    for (const child of [first, second]) await Promise.all([child.status, child.stdout.cancel()]);
  },
);
