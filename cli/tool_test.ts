import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Child } from "./child.ts";
import { selfSigned } from "./self_signed.ts";

const SIZE = 3_000_000;

interface Place {
  readonly directory: string;
  readonly sha256: string;
}

/** A directory with `root/file.bin`, `root/empty` and `secret`. */
async function withPlace(use: (place: Place) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "mpquic-test-" });
  try {
    const bytes = new Uint8Array(SIZE);
    for (let at = 0; at < SIZE; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    await Deno.mkdir(join(directory, "root"));
    await Deno.writeFile(join(directory, "root/file.bin"), bytes);
    await Deno.writeTextFile(join(directory, "root/empty"), "");
    await Deno.writeTextFile(join(directory, "secret"), "secret");
    await use({ directory, sha256: createHash("sha256").update(bytes).digest("hex") });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

interface Server {
  readonly child: Child;
  readonly address: string;
  readonly ca: string;
}

/** A server in a process of its own, for as long as it is used. */
async function withServer(
  { directory }: Place,
  use: (server: Server) => Promise<void>,
  options: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const args = ["serve", "--listen", "127.0.0.1:0", "--root", "root", ...options];
  const child = new Child(args, { stderr: "piped", env: { INIT_CWD: directory, ...env } });
  try {
    const [, address] = await child.waitFor(/Listening on (\S+)\n/);
    const [, ca] = await child.waitFor(/get https:\S+(?: --ca (\S+))?\n/);
    await use({ child, address: address!, ca: ca ?? "" });
  } finally {
    assertEquals(await child.stop(), 0, child.stderr);
  }
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the tool to its end, as from `directory`. */
async function run(
  directory: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const child = new Child(args, { stderr: "piped", env: { INIT_CWD: directory, ...env } });
  const code = await child.end();
  return { code, stdout: child.stdout, stderr: child.stderr };
}

function lastJson({ stdout }: Ran): Record<string, unknown> {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
}

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

Deno.test("mpquic get fetches what mpquic serve serves, and tells of it in JSON", async () => {
  await withPlace(async (place) => {
    await withServer(place, async ({ address, ca }) => {
      const ran = await run(place.directory, [
        "get",
        `https://${address}/file.bin`,
        "-o",
        "out.bin",
        "--ca",
        ca,
        "--json",
      ]);
      assertEquals(ran.code, 0, ran.stderr);
      const result = lastJson(ran) as {
        seconds: number;
        transferSeconds: number;
        cipher: string;
        paths: Record<string, unknown>[];
      };
      const { seconds, transferSeconds, cipher, paths, ...rest } = result;
      assertMatch(cipher, /^TLS_/);
      assertEquals(rest as Record<string, unknown>, {
        ok: true,
        bytes: SIZE,
        sha256: place.sha256,
        version: "1",
        crypto: "node",
        socket: "deno",
      });
      assert(transferSeconds > 0 && seconds >= transferSeconds);
      const [path] = paths;
      assertEquals(Object.keys(path!), ["id", "label", "local", "remote", "bytes", "srttMs"]);
      assertEquals([path!["id"], path!["remote"]], [0, address]);
      assert(path!["bytes"] as number >= SIZE && path!["srttMs"] as number > 0);
      assertEquals(
        await Deno.readFile(join(place.directory, "out.bin")),
        await Deno.readFile(join(place.directory, "root/file.bin")),
      );
    });
  });
});

Deno.test("mpquic get without JSON writes plain lines and takes its name from the URL", async () => {
  await withPlace(async (place) => {
    await withServer(place, async ({ address, ca, child }) => {
      const ran = await run(place.directory, [
        "get",
        `https://localhost:${address.split(":")[1]}/file.bin`,
        "--ca",
        ca,
      ]);
      assertEquals(ran.code, 0, ran.stderr);
      assertStringIncludes(ran.stdout, `SHA-256 ${place.sha256}`);
      assert(!(ran.stdout + ran.stderr).includes("\x1b") && !(ran.stdout + ran.stderr).includes("\r"));
      await child.waitFor(/GET \/file\.bin 3\.0 MB in/);
      const again = await run(place.directory, ["get", `https://${address}/file.bin`, "--ca", ca]);
      assertEquals(again.code, 1);
      assertStringIncludes(again.stderr, "is there already");
      const empty = await run(place.directory, ["get", `https://${address}/empty`, "--ca", ca, "--json"]);
      assertEquals([empty.code, lastJson(empty)["bytes"]], [0, 0]);
      assertEquals(names(place.directory), ["empty", "file.bin", "root", "secret"]);
    }, ["--retry", "--listen", "[::1]:0"]);
  });
});

Deno.test("mpquic get of what is missing or refused says which and why, and leaves no file", async () => {
  await withPlace(async (place) => {
    await Deno.symlink(join(place.directory, "secret"), join(place.directory, "root/link"));
    await withServer(place, async ({ address, ca, child }) => {
      const refused: [string, string][] = [
        ["/missing.bin", "has no such file (code 404)"],
        ["/../secret", "refuses to serve that path (code 403)"],
        ["/%2e%2e/secret", "refuses to serve that path (code 403)"],
        ["/link", "refuses to serve that path (code 403)"],
      ];
      for (const [target, reason] of refused) {
        const ran = await run(place.directory, [
          "get",
          `https://${address}${target}`,
          "-o",
          "out",
          "--ca",
          ca,
          "--json",
        ]);
        const error = `Cannot get ${target} from ${address}: the server ${reason}`;
        assertEquals([ran.code, lastJson(ran)], [1, { ok: false, error }]);
        assertStringIncludes(ran.stderr, error);
      }
      assertEquals(names(place.directory), ["root", "secret"]);
      await child.waitFor(/GET \/link refused with 403: The path leads out of the root/);
    });
  });
});

Deno.test("mpquic get names a refused certificate, and trusts what it is told to", async () => {
  await withPlace(async (place) => {
    const { directory } = place;
    const other = await selfSigned(["localhost", "127.0.0.1"]);
    await Deno.writeTextFile(join(directory, "other.pem"), other.cert);
    const elsewhere = await selfSigned(["example.com"]);
    await Deno.writeTextFile(join(directory, "cert.pem"), elsewhere.cert);
    await Deno.writeTextFile(join(directory, "key.pem"), elsewhere.key);
    await withServer(place, async ({ address }) => {
      const url = `https://${address}/empty`;
      for (const trust of [[], ["--ca", "other.pem"], ["--ca", "cert.pem"]]) {
        const ran = await run(directory, ["get", url, "-o", "out", "--json", ...trust]);
        assertEquals(ran.code, 1);
        assertMatch(lastJson(ran)["error"] as string, /certificate/i);
        if (trust.includes("cert.pem")) assertMatch(lastJson(ran)["error"] as string, /127\.0\.0\.1/);
      }
      assert(!names(directory).includes("out"));
      assertEquals((await run(directory, ["get", url, "-o", "out", "--insecure"])).code, 0);
    }, ["--cert", "cert.pem", "--key", "key.pem"]);
  });
});

Deno.test("mpquic get interrupted in the middle leaves nothing, and fails", async () => {
  await withPlace(async (place) => {
    await withServer(place, async ({ address, ca }) => {
      const link = ["--listen", "127.0.0.1:0", "--to", address, "--rate", "2"];
      const relay = new Child(["relay", ...link], { stderr: "piped" });
      try {
        const [, front] = await relay.waitFor(/Relaying (\S+)/);
        const args = ["get", `https://${front}/file.bin`, "-o", "out", "--ca", ca, "--json"];
        const child = new Child(args, { stderr: "piped", env: { INIT_CWD: place.directory } });
        await until(() => Promise.resolve(names(place.directory).some((name) => name.endsWith(".part"))));
        await pause(500);
        // Twice, as when a task runner hands on what the terminal has sent already.
        child.signal("SIGINT");
        const code = await child.stop();
        assertEquals(code, 1, child.stderr);
        assertEquals(JSON.parse(child.stdout), { ok: false, error: "Interrupted by SIGINT" });
        assertEquals(names(place.directory), ["root", "secret"]);
      } finally {
        await relay.stop();
      }
    });
  });
});

Deno.test("mpquic get survives a NAT that forgets, and a link that is dead for a while", async () => {
  await withPlace(async (place) => {
    await withServer(place, async ({ address, ca }) => {
      const link = ["--listen", "127.0.0.1:0", "--to", address, "--rate", "20", "--delay", "5"];
      const relay = new Child(["relay", ...link], { stderr: "piped" });
      try {
        const [, front] = await relay.waitFor(/Relaying (\S+)/);
        const args = ["get", `https://${front}/file.bin`, "-o", "out", "--ca", ca, "--json"];
        const child = new Child(args, { stderr: "piped", env: { INIT_CWD: place.directory } });
        const passed = (bytes: number): Promise<void> => {
          return until(async () => JSON.parse(await relay.ask("stats")).down.bytes >= bytes);
        };
        await passed(200_000);
        assert(JSON.parse(await relay.ask("rebind")).ok);
        await passed(1_000_000);
        await relay.ask("dead");
        await pause(300);
        assert(JSON.parse(await relay.ask("alive")).down.swallowed > 0);
        await passed(2_000_000);
        assert(!JSON.parse(await relay.ask("fly")).ok);
        assertEquals(await child.end(), 0, child.stderr);
        assertEquals(JSON.parse(child.stdout).sha256, place.sha256);
      } finally {
        await relay.stop();
      }
    });
  });
});

Deno.test("mpquic serve that is stopped tells its clients, and takes its certificate away", async () => {
  await withPlace(async (place) => {
    let trusted = "";
    let pending: Child | undefined;
    let relay: Child | undefined;
    try {
      await withServer(place, async ({ address, ca }) => {
        trusted = ca;
        assert((await Deno.stat(ca)).isFile);
        relay = new Child(["relay", "--listen", "127.0.0.1:0", "--to", address, "--rate", "2"], { stderr: "piped" });
        const [, front] = await relay.waitFor(/Relaying (\S+)/);
        const args = ["get", `https://${front}/file.bin`, "-o", "out", "--ca", ca, "--json"];
        pending = new Child(args, { stderr: "piped", env: { INIT_CWD: place.directory } });
        await until(async () => JSON.parse(await relay!.ask("stats")).down.bytes >= 100_000);
      });
      assertEquals(await pending!.end(), 1);
      assertStringIncludes(JSON.parse(pending!.stdout).error, "the server is being stopped (code 503)");
      assertEquals(names(place.directory), ["root", "secret"]);
      assertEquals(await Deno.stat(trusted).catch(() => "gone"), "gone");
    } finally {
      await pending?.stop();
      await relay?.stop();
    }
  });
});

Deno.test("mpquic writes keys and logs where it is told to", async () => {
  await withPlace(async (place) => {
    const { directory } = place;
    const env = { SSLKEYLOGFILE: join(directory, "keys.txt") };
    await withServer(
      place,
      async ({ address, ca }) => {
        const args = ["get", `https://${address}/empty`, "-o", "out", "--ca", ca, "--qlog", "logs/client"];
        assertEquals((await run(directory, args, env)).code, 0);
      },
      ["--qlog", "logs/server"],
      env,
    );
    const text = await Deno.readTextFile(join(directory, "keys.txt"));
    for (const label of ["CLIENT_HANDSHAKE", "SERVER_HANDSHAKE"]) {
      assertEquals(text.match(new RegExp(`^${label}_TRAFFIC_SECRET [0-9a-f]{64} [0-9a-f]+$`, "gm"))?.length, 2, label);
    }
    assertMatch(text, /^CLIENT_TRAFFIC_SECRET_0 /m);
    const [client] = names(join(directory, "logs/client"));
    const [server] = names(join(directory, "logs/server"));
    assertMatch(client!, /_client\.sqlog$/);
    assertMatch(server!, /_server\.sqlog$/);
    assertStringIncludes(await Deno.readTextFile(join(directory, "logs/client", client!)), "quic:packet_sent");
  });
});

Deno.test("mpquic with a wrong command line exits with 2 and says what is wrong with it", async () => {
  const wrong: [string[], string][] = [
    [[], "A command is missing"],
    [["gte"], 'Unknown command "gte"; did you mean "get"?'],
    [["get"], "The argument https://HOST:PORT/PATH is missing"],
    [["get", "http://h/x"], "expected https://HOST:PORT/PATH"],
    [["get", "https://h:1/"], "expected -o FILE"],
    [["get", "https://h:1/x", "--jsn"], 'Unknown option "--jsn"; did you mean "--json"?'],
    [["serve", "--listen", "127.0.0.1:0"], 'The option "--root" is missing'],
    [["serve", "--root", "."], 'The option "--listen" is missing'],
    [["serve", "--root", ".", "--listen", "x"], '--listen is "x"'],
    [["serve", "--root", ".", "--listen", "127.0.0.1:0", "--cert", "x"], "go together"],
  ];
  await Promise.all(wrong.map(async ([args, message]) => {
    const ran = await run(".", args);
    assertEquals(ran.code, 2, args.join(" "));
    assertStringIncludes(ran.stderr, message);
    assertEquals(ran.stdout, "");
  }));
  const json = await run(".", ["get", "--json"]);
  assertEquals([json.code, lastJson(json)["ok"]], [2, false]);
});

Deno.test("mpquic that cannot begin exits with 1 and says why", async () => {
  const failing: [string[], string][] = [
    [["serve", "--root", "nowhere", "--listen", "127.0.0.1:0"], "Cannot serve"],
    [["serve", "--root", ".", "--listen", "192.0.2.1:4433"], "Cannot listen"],
    [["get", "https://127.0.0.1:9/x", "-o", "/nowhere/x"], "Cannot write"],
    [["get", "https://127.0.0.1:9/x", "-o", "x", "--ca", "nowhere"], 'Cannot read "--ca"'],
  ];
  await Promise.all(failing.map(async ([args, message]) => {
    const ran = await run(".", args);
    assertEquals(ran.code, 1, args.join(" "));
    assertStringIncludes(ran.stderr, message);
    assert(!ran.stderr.includes("    at "), ran.stderr);
  }));
});

Deno.test("mpquic --help tells of every command and option", async () => {
  const [tool, serve, get, relay] = await Promise.all(
    [["--help"], ["serve", "--help"], ["get", "-h"], ["relay", "--help"]].map((args) => run(".", args)),
  );
  for (const ran of [tool!, serve!, get!, relay!]) assertEquals([ran.code, ran.stderr], [0, ""]);
  for (const word of ["serve", "get"]) assertStringIncludes(tool!.stdout, word);
  for (const word of ["--listen", "--root", "--cert", "--key", "--retry", "--qlog"]) {
    assertStringIncludes(serve!.stdout, word);
  }
  for (const word of ["-o", "--ca", "--insecure", "--json", "--qlog"]) assertStringIncludes(get!.stdout, word);
});

/** Waits for a state of another process. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const startedAt = performance.now(); !(await isSo());) {
    assert(performance.now() - startedAt < 30_000, "It did not come to that in 30 s");
    await pause(20);
  }
}

function pause(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time));
}
