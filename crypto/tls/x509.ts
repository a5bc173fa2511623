/**
 * X.509 certificates (RFC 5280) as values: what checking a server's chain needs, and no more.
 *
 * @module
 */
import { DerError, DerReader, readBitString, readFlags, readSmallInteger, readTime, Tag } from "./der.ts";

/** A name in subjectAltName or nameConstraints (RFC 5280 §4.2.1.6): `type` is the number of its choice. */
export interface GeneralName {
  readonly type: number;
  readonly value: Uint8Array;
}

/** Choices of GeneralName in use. */
export const NameType = { email: 1, dns: 2, directory: 4, uri: 6, ip: 7 } as const;

/** RFC 5280 §4.2.1.10. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** Bits of keyUsage (RFC 5280 §4.2.1.3) in use. */
export const KeyUsage = { digitalSignature: 1 << 0, keyCertSign: 1 << 5 } as const;

/** How a certificate is signed: the algorithm's OID and its parameters. */
export interface SignatureIdentifier {
  readonly oid: string;
  /** DER elements after the OID. */
  readonly parameters: Uint8Array;
}

/** A parsed certificate. All arrays are views of `der`. */
export interface Certificate {
  readonly der: Uint8Array;
  /** The part that is signed. */
  readonly signed: Uint8Array;
  /** 1 to 3. */
  readonly version: number;
  /** DER of the Name. */
  readonly issuer: Uint8Array;
  /** DER of the Name. */
  readonly subject: Uint8Array;
  /** Unix milliseconds. */
  readonly notBefore: number;
  /** Unix milliseconds. */
  readonly notAfter: number;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly signatureAlgorithm: SignatureIdentifier;
  readonly signature: Uint8Array;
  /** `undefined`: the certificate does not say. */
  readonly isAuthority: boolean | undefined;
  /** Most authorities below this one; `undefined`: no limit. */
  readonly pathLength: number | undefined;
  readonly keyUsage: number | undefined;
  /** OIDs. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly names: readonly GeneralName[];
  readonly nameConstraints: NameConstraints | undefined;
  /** OIDs of critical extensions that are not understood here. */
  readonly unknownCritical: readonly string[];
}

/** What extensions say. */
type Said = {
  -readonly [
    K in
      | "isAuthority"
      | "pathLength"
      | "keyUsage"
      | "extendedKeyUsage"
      | "names"
      | "nameConstraints"
  ]: Certificate[K];
};

/** Extensions that are understood, by OID. Policies are read over: no policy is asked for (RFC 5280 §6.1.1). */
const READERS: { readonly [oid: string]: (value: DerReader, said: Said) => void } = {
  "2.5.29.15": (value, said) => said.keyUsage = readFlags(value.element(Tag.bitString).content),
  "2.5.29.17": (value, said) => said.names = readNames(value.nested(Tag.sequence)),
  "2.5.29.19": readBasicConstraints,
  "2.5.29.30": readNameConstraints,
  "2.5.29.32": (value) => void value.next(),
  "2.5.29.37": (value, said) => said.extendedKeyUsage = readOids(value.nested(Tag.sequence)),
};

/** Parses a certificate; throws `DerError`. */
export function parseCertificate(der: Uint8Array): Certificate {
  const outer = new DerReader(der);
  const certificate = outer.nested(Tag.sequence);
  outer.end();
  const signed = certificate.element(Tag.sequence);
  const algorithm = certificate.element(Tag.sequence);
  const signature = readBitString(certificate.element(Tag.bitString).content);
  certificate.end();

  const r = new DerReader(signed.content);
  const version = readVersion(r.optional(0xa0));
  r.element(Tag.integer); // serial number
  if (!sameElement(r.element(Tag.sequence).whole, algorithm.whole)) {
    throw new DerError("Signature algorithm differs inside and outside");
  }
  const issuer = r.element(Tag.sequence).whole;
  const validity = r.nested(Tag.sequence);
  const notBefore = readTime(validity.next());
  const notAfter = readTime(validity.next());
  validity.end();
  const subject = r.element(Tag.sequence).whole;
  const publicKey = r.element(Tag.sequence).whole;
  r.optional(0x81); // unique identifiers, of no use
  r.optional(0x82);
  const extensions = readExtensions(r.optional(0xa3), version);
  r.end();
  return {
    der,
    signed: signed.whole,
    version,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKey,
    signatureAlgorithm: readAlgorithm(algorithm.content),
    signature,
    ...extensions,
  };
}

function readVersion(explicit: Uint8Array | undefined): number {
  if (explicit === undefined) return 1;
  const r = new DerReader(explicit);
  const version = 1 + readSmallInteger(r.element(Tag.integer).content);
  r.end();
  if (version > 3) throw new DerError(`Version is ${version}, expected 1 to 3`);
  return version;
}

/** Reads an AlgorithmIdentifier's contents. */
export function readAlgorithm(content: Uint8Array): SignatureIdentifier {
  const r = new DerReader(content);
  const oid = r.oid();
  const parameters = r.isEmpty ? new Uint8Array() : r.next().whole;
  r.end();
  return { oid, parameters };
}

function readExtensions(explicit: Uint8Array | undefined, version: number): Said & { unknownCritical: string[] } {
  const said: Said = {
    isAuthority: undefined,
    pathLength: undefined,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    names: [],
    nameConstraints: undefined,
  };
  const unknownCritical: string[] = [];
  if (explicit === undefined) return { ...said, unknownCritical };
  if (version !== 3) throw new DerError(`Version ${version} has extensions, expected version 3`);
  const outer = new DerReader(explicit);
  const list = outer.nested(Tag.sequence);
  outer.end();
  const seen = new Set<string>();
  while (!list.isEmpty) {
    const extension = list.nested(Tag.sequence);
    const oid = extension.oid();
    const isCritical = extension.flag();
    const value = extension.nested(Tag.octetString);
    extension.end();
    if (seen.has(oid)) throw new DerError(`Extension ${oid} comes twice`);
    seen.add(oid);
    const read = READERS[oid];
    if (read !== undefined) {
      read(value, said);
      value.end();
    } else if (isCritical) unknownCritical.push(oid);
  }
  return { ...said, unknownCritical };
}

function readBasicConstraints(value: DerReader, said: Said): void {
  const r = value.nested(Tag.sequence);
  said.isAuthority = r.flag();
  const pathLength = r.optional(Tag.integer);
  if (pathLength !== undefined) said.pathLength = readSmallInteger(pathLength);
  r.end();
}

function readOids(r: DerReader): string[] {
  const oids: string[] = [];
  while (!r.isEmpty) oids.push(r.oid());
  return oids;
}

function readNames(r: DerReader): GeneralName[] {
  const names: GeneralName[] = [];
  while (!r.isEmpty) names.push(readName(r));
  return names;
}

function readName(r: DerReader): GeneralName {
  const { tag, content } = r.next();
  if (tag < 0x80 || tag >= 0xc0) throw new DerError(`Name has tag ${tag}, expected a choice`);
  const type = tag & 0x1f;
  if (type !== NameType.directory) return { type, value: content };
  const inner = new DerReader(content);
  const value = inner.element(Tag.sequence).content;
  inner.end();
  return { type, value };
}

function readNameConstraints(value: DerReader, said: Said): void {
  const r = value.nested(Tag.sequence);
  const permitted = r.optional(0xa0);
  const excluded = r.optional(0xa1);
  r.end();
  said.nameConstraints = { permitted: readSubtrees(permitted), excluded: readSubtrees(excluded) };
}

function readSubtrees(content: Uint8Array | undefined): GeneralName[] {
  if (content === undefined) return [];
  const list = new DerReader(content);
  const bases: GeneralName[] = [];
  while (!list.isEmpty) {
    const subtree = list.nested(Tag.sequence);
    bases.push(readName(subtree));
    subtree.end(); // RFC 5280 §4.2.1.10: no minimum but 0, no maximum
  }
  return bases;
}

function sameElement(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** What kind of key a SubjectPublicKeyInfo has, and the size of RSA's modulus in bits. Throws `DerError`. */
export function readKeyKind(publicKey: Uint8Array): { readonly oid: string; readonly rsaBits?: number } {
  const info = new DerReader(publicKey).nested(Tag.sequence);
  const { oid } = readAlgorithm(info.element(Tag.sequence).content);
  const key = readBitString(info.element(Tag.bitString).content);
  if (oid !== "1.2.840.113549.1.1.1") return { oid };
  let modulus = new DerReader(key).nested(Tag.sequence).element(Tag.integer).content;
  while (modulus[0] === 0) modulus = modulus.subarray(1);
  return { oid, rsaBits: modulus.length === 0 ? 0 : 8 * modulus.length - Math.clz32(modulus[0]!) + 24 };
}

/** A Name's common name, or else its organisation, for messages: `"Example CA"`. */
export function nameText(name: Uint8Array): string {
  const values = new Map<string, string>();
  try {
    const parts = new DerReader(name).nested(Tag.sequence);
    while (!parts.isEmpty) {
      const pair = parts.nested(Tag.set).nested(Tag.sequence);
      values.set(pair.oid(), new TextDecoder().decode(pair.next().content.subarray(0, 64)));
    }
  } catch {
    // A name that cannot be read is shown as none.
  }
  const text = values.get("2.5.4.3") ?? values.get("2.5.4.11") ?? values.get("2.5.4.10");
  return JSON.stringify(text ?? "no name");
}
