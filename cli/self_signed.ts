/**
 * A certificate for a server that was given none. The library is loaded only when this is called.
 *
 * @module
 */

/** A certificate and its key, in PEM. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

/** WebTransport takes certificates by their hash only up to 14 days; nobody needs more of one that is made at each start. */
const DAYS = 13;
const HOUR = 3_600_000;

/** Makes a P-256 key and a certificate for it that is no authority, for these host names and IP addresses. */
export async function selfSigned(names: readonly string[]): Promise<Credentials> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(crypto);
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
  const serial = crypto.getRandomValues(new Uint8Array(16));
  // Positive and without a leading zero, as DER wants it.
  serial[0] = 0x40 | (serial[0]! & 0x3f);
  const serialNumber = [...serial].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber,
    // Each has a name of its own: one of an earlier start is then unknown, rather than one with a wrong signature.
    name: `CN=mpquic ${serialNumber.slice(0, 8)}`,
    notBefore: new Date(now - HOUR),
    notAfter: new Date(now + DAYS * 24 * HOUR),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIp(value) ? "ip" as const : "dns" as const, value })),
      ),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { cert: certificate.toString("pem") + "\n", key: x509.PemConverter.encode(key, "PRIVATE KEY") + "\n" };
}

function isIp(name: string): boolean {
  return name.includes(":") || /^\d+(\.\d+){3}$/.test(name);
}
