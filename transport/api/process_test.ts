import { assert, assertEquals, assertRejects } from "@std/assert";
import { PathError } from "../base/errors.ts";
import { connectQuic } from "./connect.ts";
import { QuicEndpoint } from "./endpoint.ts";
import { ALPN, IDENTITY, SOCKETS } from "./loopback_fixture_test.ts";

const MODULE = import.meta.resolve("./endpoint.ts");
const CONFIG = new URL(import.meta.resolve("../../deno.json")).pathname;
const CONNECT = import.meta.resolve("./connect.ts");

/** Runs a program of its own. */
function start(source: string): Deno.ChildProcess {
  const text = `
    import { QuicEndpoint } from ${JSON.stringify(MODULE)};
    import { connectQuic } from ${JSON.stringify(CONNECT)};
    const identity = ${JSON.stringify(IDENTITY)};
    ${source}
  `;
  const args = ["eval", "--no-lock", "--quiet", "--unstable-net", `--config=${CONFIG}`, text];
  return new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "piped", stdin: "null" }).spawn();
}

for (const socket of SOCKETS) {
  Deno.test(`A program ends by itself when its ${socket} connections and endpoints are closed`, async () => {
    const child = start(`
      const endpoint = new QuicEndpoint({ hostname: "127.0.0.1", socket: "${socket}" });
      const listener = endpoint.listen({ ...identity, alpnProtocols: ["test"] });
      const accepted = listener.accept();
      const conn = await connectQuic({
        hostname: "127.0.0.1", port: endpoint.addr.port, alpnProtocols: ["test"], caCerts: [identity.cert],
        socket: "${socket}",
      });
      await accepted;
      conn.close();
      endpoint.close();
      console.log("end");
    `);
    const { code, stdout, stderr } = await child.output();
    assertEquals([code, new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)], [0, "end\n", ""]);
  });

  Deno.test(`A program with a ${socket} server stays alive, and nothing that fails unseen ends it`, async () => {
    const child = start(`
      const endpoint = new QuicEndpoint({ hostname: "127.0.0.1", socket: "${socket}" });
      const listener = endpoint.listen({ ...identity, alpnProtocols: ["test"], maxIdleTimeout: 250 });
      listener.accept();
      const conn = await connectQuic({
        hostname: "127.0.0.1", port: endpoint.addr.port, alpnProtocols: ["test"], caCerts: [identity.cert],
        socket: "${socket}",
      });
      conn.closed.catch(() => console.log("timed out"));
      await conn.endpoint.closed;
      console.log("idle");
    `);
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("idle")) {
      const { value, done } = await reader.read();
      assert(!done, `it ended after ${text}`);
      text += value;
    }
    const ended = await Promise.race([child.status, new Promise((resolve) => setTimeout(resolve, 150))]);
    assertEquals(ended, undefined);
    child.kill("SIGKILL");
    await child.status;
    await Promise.all([reader.cancel(), child.stderr.cancel()]);
  });
}

Deno.test("connectQuic() fails at once when the address cannot be reached from the endpoint", async () => {
  const options = { port: 9, alpnProtocols: [ALPN], verifyCertificate: "insecure", serverName: "localhost" } as const;
  await using four = new QuicEndpoint({ hostname: "127.0.0.1" });
  await assertRejects(() => connectQuic({ ...options, hostname: "::1", endpoint: four }), Error, "Cannot reach ::1");
  await using six = new QuicEndpoint({ hostname: "::1" });
  const mapped = "::ffff:127.0.0.1";
  await assertRejects(() => connectQuic({ ...options, hostname: mapped, endpoint: six }), PathError, "Cannot reach");
});

Deno.test({
  name: "connectQuic() says that the program has no permission for the address",
  permissions: { net: ["0.0.0.0:0"], read: true, env: true, sys: true },
  async fn(): Promise<void> {
    const options = { hostname: "127.0.0.1", port: 9, alpnProtocols: [ALPN], verifyCertificate: "insecure" } as const;
    const error = await assertRejects(() => connectQuic(options), Deno.errors.NotCapable);
    assert(error.message.includes("127.0.0.1:9"), error.message);
  },
});
