/** The authorities that this system trusts, as DER; the same arrays each time. Read once in a process, when first needed. */
export function systemRoots(): Promise<readonly Uint8Array[]> {
  roots ??= readRoots();
  return roots;
}

let roots: Promise<readonly Uint8Array[]> | undefined;

/** The part of `node:tls` that is used; older runtimes lack the function. */
interface Tls {
  readonly rootCertificates: readonly string[];
  readonly getCACertificates?: (type: "default") => readonly string[];
}

async function readRoots(): Promise<readonly Uint8Array[]> {
  const tls: Tls = (await import("node:tls")).default;
  const { decodePem } = await import("../../crypto/tls/pem.ts");
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
