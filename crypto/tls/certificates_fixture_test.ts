/** Certificates for tests, made by a library of others so that our reading of X.509 is not checked against itself. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import type { SigningKey } from "../provider.ts";
import { signingKeyFromPem } from "../asymmetric.ts";

/** Kinds of keys. */
export type KeyKind = "p256" | "p384" | "p521" | "ed25519" | "rsa" | "rsa1024" | "rsapss" | "p256sha1";

const ALGORITHMS = {
  p256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  p384: { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
  p521: { name: "ECDSA", namedCurve: "P-521", hash: "SHA-512" },
  p256sha1: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-1" },
  ed25519: { name: "Ed25519" },
  rsa: rsa("RSASSA-PKCS1-v1_5", 2048),
  rsa1024: rsa("RSASSA-PKCS1-v1_5", 1024),
  rsapss: { ...rsa("RSA-PSS", 2048), saltLength: 32 },
};

function rsa(name: string, modulusLength: number) {
  return { name, modulusLength, hash: "SHA-256", publicExponent: Uint8Array.of(1, 0, 1) };
}

/** A certificate with its key. */
export interface Issued {
  readonly certificate: x509.X509Certificate;
  readonly der: Uint8Array;
  readonly keys: CryptoKeyPair;
  readonly kind: KeyKind;
}

/** What to make. */
export interface Request {
  /** Of an authority or of a leaf; the rest of a distinguished name may follow: `"CA, O=Example"`. */
  readonly name?: string;
  readonly kind?: KeyKind;
  /** Itself when left out. */
  readonly issuer?: Issued;
  readonly from?: string;
  readonly to?: string;
  readonly extensions?: readonly x509.Extension[];
  /** Another key instead of a new one. */
  readonly keys?: CryptoKeyPair;
}

let serial = 1;

/** Makes a certificate with just the extensions asked for. */
export async function issue(request: Request): Promise<Issued> {
  const kind = request.kind ?? "p256";
  const keys = request.keys ??
    await crypto.subtle.generateKey(ALGORITHMS[kind], true, ["sign", "verify"]) as CryptoKeyPair;
  const issuer = request.issuer;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: (serial++).toString(16).padStart(4, "0"),
    subject: request.name ?? "",
    issuer: issuer?.certificate.subjectName ?? request.name ?? "",
    notBefore: new Date(request.from ?? "2020-01-01T00:00:00Z"),
    notAfter: new Date(request.to ?? "2060-01-01T00:00:00Z"),
    signingAlgorithm: ALGORITHMS[issuer?.kind ?? kind],
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    extensions: [...request.extensions ?? []],
  });
  return { certificate, der: new Uint8Array(certificate.rawData), keys, kind };
}

/** An authority: CA:TRUE, keyCertSign. */
export function authority(request: Request & { readonly pathLength?: number }): Promise<Issued> {
  const { pathLength, extensions = [], name = "CN=Test root" } = request;
  const usage = new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true);
  return issue({
    ...request,
    name,
    extensions: [new x509.BasicConstraintsExtension(true, pathLength, true), usage, ...extensions],
  });
}

/** A server's certificate for those names: CA:FALSE, digitalSignature, serverAuth. */
export function leaf(
  request: Request & {
    readonly dns?: readonly string[];
    readonly ip?: readonly string[];
    readonly purposes?: string[];
  },
): Promise<Issued> {
  const { dns = ["localhost"], ip = [], purposes = [x509.ExtendedKeyUsage.serverAuth], extensions = [] } = request;
  const names = [
    ...dns.map((value) => ({ type: "dns" as const, value })),
    ...ip.map((value) => ({ type: "ip" as const, value })),
  ];
  return issue({
    ...request,
    name: request.name ?? "CN=Test server",
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(purposes),
      new x509.SubjectAlternativeNameExtension(names),
      ...extensions,
    ],
  });
}

/** The private key of a certificate, as a server uses it. */
export async function signingKey(issued: Issued): Promise<SigningKey> {
  const der = await crypto.subtle.exportKey("pkcs8", issued.keys.privateKey);
  return signingKeyFromPem(x509.PemConverter.encode(der, "PRIVATE KEY"));
}

/** Makes once, and gives the same again. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => made ??= make();
}

export { x509 };
