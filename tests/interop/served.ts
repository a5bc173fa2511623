/**
 * A directory with files, and `mpquic serve` in a process of its own.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Child } from "../../cli/child.ts";
import { pattern } from "./builtin.ts";

/** Where a server is. */
export interface Served {
  readonly child: Child;
  readonly port: number;
  /** The certificate to trust, in PEM, and the file that it is in. */
  readonly cert: string;
  readonly ca: string;
  /** A directory for whatever the test writes. */
  readonly directory: string;
}

/** Makes files of these sizes and serves them as `/<name>`, for as long as they are used. */
export async function withServed(
  sizes: Readonly<Record<string, number>>,
  use: (served: Served) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const root = join(directory, "root");
    await Deno.mkdir(root);
    for (const [name, size] of Object.entries(sizes)) await Deno.writeFile(join(root, name), contentOf(name, size));
    const child = new Child(["serve", "--listen", "127.0.0.1:0", "--root", root], { stderr: "piped" });
    try {
      const [, port] = await child.waitFor(/Listening on 127\.0\.0\.1:(\d+)\n/);
      const [, ca] = await child.waitFor(/--ca (\S+)\n/);
      await use({ child, port: Number(port), ca: ca!, cert: await Deno.readTextFile(ca!), directory });
    } finally {
      await child.stop();
    }
  });
}

/** A directory for as long as it is used. */
export async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "mpquic-test-" });
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The bytes of a served file. */
export function contentOf(name: string, size: number): Uint8Array<ArrayBuffer> {
  let seed = 17;
  for (const letter of name) seed = (seed * 31 + letter.charCodeAt(0)) >>> 0;
  return pattern(size, seed);
}

/** SHA-256 in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
