import { decodePem } from "../../crypto/tls/pem.ts";

/**
 * The authorities that this system trusts, as DER; the same arrays each time. Read once in a process, when first needed.
 * Throws what the runtime throws when they may not be read (in Deno they need `--allow-sys=ca`).
 */
export function systemRoots(): readonly Uint8Array[] {
  return roots ??= readRoots();
}

let roots: readonly Uint8Array[] | undefined;

/** The part of `node:tls` that is used; older runtimes lack the function. */
interface Tls {
  readonly rootCertificates: readonly string[];
  readonly getCACertificates?: (type: "default") => readonly string[];
}

/** What gives a built-in module at once: importing it takes longer than all the rest of a connection's beginning. */
interface Process {
  readonly getBuiltinModule: (name: "node:tls") => Tls;
}

function readRoots(): readonly Uint8Array[] {
  const { process } = globalThis as unknown as { process: Process };
  const tls = process.getBuiltinModule("node:tls");
  const texts = new Set([...tls.rootCertificates, ...(tls.getCACertificates?.("default") ?? [])]);
  return [...texts].flatMap((text) => {
    try {
      return decodePem(text, "CERTIFICATE");
    } catch {
      // One that cannot be read is one that is not trusted.
      return [];
    }
  });
}
