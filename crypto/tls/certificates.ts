/**
 * Checks a server's certificate chain (RFC 5280 §6, RFC 8446 §4.4.2): purposes and name of the leaf, and a path to an
 * authority that is trusted.
 *
 * @module
 */
import type { CryptoProvider, SigningKey } from "../provider.ts";
import { TlsAlert } from "./alerts.ts";
import { checkKey, signatureAlgorithm, type SignatureCheck } from "./certificate_signature.ts";
import { sameBytes } from "./codec.ts";
import { DerError } from "./der.ts";
import { brokenConstraint, type ComparisonBudget, MAX_NAME_COMPARISONS } from "./name_constraints.ts";
import { describeNames, matchesName, type ServerName } from "./server_name.ts";
import { type Certificate, KeyUsage, nameText, parseCertificate } from "./x509.ts";

export type { SignatureAlgorithm, SignatureCheck } from "./certificate_signature.ts";

/** Most certificates between the leaf and the trusted authority. */
export const MAX_INTERMEDIATES = 6;

/** Most signatures checked for one chain: certificates that vouch for each other in circles cost no more. */
export const MAX_SIGNATURE_CHECKS = 64;

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const ANY_PURPOSE = "2.5.29.37.0";
const LEAF = "Server certificate";

/** What a chain is checked against. */
export interface ChainOptions {
  /** DER; see `TlsClientOptions.roots`. */
  readonly roots: readonly Uint8Array[];
  /** DER; see `TlsClientOptions.moreRoots`. */
  readonly moreRoots?: (() => readonly Uint8Array[]) | undefined;
  readonly name: ServerName;
  /** Unix milliseconds. */
  readonly time: number;
  readonly checkSignature: SignatureCheck;
}

/** Parsed certificates by their bytes; `undefined` for what cannot be read. Roots come again with every connection. */
const parsedRoots = new WeakMap<Uint8Array, { readonly certificate: Certificate | undefined }>();

/**
 * The roots that can be read.
 *
 * @throws {TypeError} when there is none.
 */
export function usableRoots(roots: readonly Uint8Array[]): Certificate[] {
  const usable: Certificate[] = [];
  for (const der of roots) {
    let entry = parsedRoots.get(der);
    if (entry === undefined) parsedRoots.set(der, entry = { certificate: tryParse(der) });
    if (entry.certificate !== undefined) usable.push(entry.certificate);
  }
  if (usable.length > 0) return usable;
  throw new TypeError(`None of ${roots.length} trusted certificates can be used: expected at least one in DER`);
}

function tryParse(der: Uint8Array): Certificate | undefined {
  try {
    return parseCertificate(der);
  } catch {
    return undefined;
  }
}

/** Checks a chain (DER, leaf first; the others in any order, and more than needed). Throws `TlsAlert`. */
export function verifyChain(chain: readonly Uint8Array[], options: ChainOptions): void {
  const { roots, moreRoots } = options;
  const [leaf, ...others] = chain.map((der, i) => parse(der, i === 0 ? LEAF : `Certificate ${i + 1} of the chain`));
  if (leaf === undefined) throw new TlsAlert("decode_error", "Server sent no certificate: expected at least one");
  const search = (trusted: readonly Certificate[]): void => {
    reading(LEAF, () => checkLeaf(leaf, options));
    if (trusted.some((root) => sameBytes(root.der, leaf.der))) return;
    new PathSearch(others, trusted, options).run(leaf);
  };
  if (moreRoots === undefined) return search(usableRoots(roots));
  const first = roots.length === 0 ? [] : usableRoots(roots);
  try {
    search(first);
  } catch (error) {
    if (!(error instanceof TlsAlert)) throw error;
    search([...first, ...furtherRoots(moreRoots, error)]);
  }
}

/** The authorities that take longer to read; when they cannot be read, the chain is refused as it was without them. */
function furtherRoots(moreRoots: () => readonly Uint8Array[], refusal: TlsAlert): Certificate[] {
  try {
    return usableRoots(moreRoots());
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `${refusal.message}; further authorities cannot be read: ${why}`;
    throw new TlsAlert(refusal.description, message, { cause });
  }
}

/** The key (SubjectPublicKeyInfo) of a certificate; throws `TlsAlert` when it is malformed. */
export function publicKeyOf(der: Uint8Array): Uint8Array {
  return parse(der, LEAF).publicKey;
}

/** What a verifier threw as an alert. */
export function certificateAlert(error: unknown): TlsAlert {
  if (error instanceof TlsAlert) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new TlsAlert("bad_certificate", `Server certificate was refused: ${message}`, { cause: error });
}

/**
 * Checks that a key is the one of a certificate, at the cost of one signature.
 *
 * @throws {TypeError} when it is not, or the certificate is malformed.
 */
export function checkKeyMatches(provider: CryptoProvider, certificate: Uint8Array, key: SigningKey): void {
  const parsed = tryParse(certificate);
  if (parsed === undefined) throw new TypeError("Certificate is malformed: expected X.509 in DER");
  const data = new Uint8Array(32);
  const [scheme] = key.schemes;
  if (scheme === undefined || !provider.verify(scheme, parsed.publicKey, data, key.sign(scheme, data))) {
    throw new TypeError(
      `Private key does not belong to the certificate for ${describeNames(parsed.names)}: expected its key`,
    );
  }
}

function parse(der: Uint8Array, what: string): Certificate {
  return reading(what, () => parseCertificate(der));
}

/** Runs what reads DER; what it cannot read is a bad certificate. */
function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new TlsAlert("bad_certificate", `${what} is malformed, not a certificate in DER: ${error.message}`, {
      cause: error,
    });
  }
}

function checkLeaf(leaf: Certificate, options: ChainOptions): void {
  checkCommon(leaf, LEAF, options.time);
  if (leaf.version !== 3) {
    throw new TlsAlert("unsupported_certificate", `${LEAF} has version ${leaf.version}: expected version 3`);
  }
  if (leaf.isAuthority) {
    throw new TlsAlert(
      "unsupported_certificate",
      `${LEAF} is an authority's (CA:TRUE): expected a server's own (CA:FALSE)`,
    );
  }
  if (leaf.keyUsage !== undefined && !(leaf.keyUsage & KeyUsage.digitalSignature)) {
    throw new TlsAlert("unsupported_certificate", `${LEAF} may not sign: expected key usage digitalSignature`);
  }
  if (!matchesName(leaf.names, options.name)) {
    const wanted = options.name.kind === "ip" ? options.name.text : options.name.name;
    throw new TlsAlert("bad_certificate", `${LEAF} is not valid for ${wanted}: it is for ${describeNames(leaf.names)}`);
  }
}

/** What holds for all but the name: validity, key, purpose, and no demands that are not understood. */
function checkCommon(certificate: Certificate, what: string, time: number): void {
  const { notBefore, notAfter } = certificate;
  if (!(time <= notAfter)) {
    throw new TlsAlert(
      "certificate_expired",
      `${what} is expired since ${date(notAfter)}: expected it to be valid now, ${date(time)}`,
    );
  }
  if (!(time >= notBefore)) {
    throw new TlsAlert(
      "certificate_expired",
      `${what} is not valid before ${date(notBefore)}: expected it to be valid now, ${date(time)}`,
    );
  }
  checkKey(certificate, what);
  const purposes = certificate.extendedKeyUsage;
  if (purposes !== undefined && !purposes.includes(SERVER_AUTH) && !purposes.includes(ANY_PURPOSE)) {
    throw new TlsAlert("unsupported_certificate", `${what} is not for servers: expected extended key usage serverAuth`);
  }
  if (certificate.unknownCritical.length > 0) {
    throw new TlsAlert(
      "unsupported_certificate",
      `${what} has unknown critical extension ${certificate.unknownCritical[0]}: expected only known ones`,
    );
  }
}

function date(time: number): string {
  return Number.isFinite(time) && Math.abs(time) < 8.64e15 ? new Date(time).toISOString() : String(time);
}

/** Looks, depth first, for a path from the leaf to a root; remembers why the best one failed. */
class PathSearch {
  readonly #others: readonly Certificate[];
  readonly #roots: readonly Certificate[];
  readonly #options: ChainOptions;
  #checksLeft = MAX_SIGNATURE_CHECKS;
  readonly #comparisons: ComparisonBudget = { left: MAX_NAME_COMPARISONS };
  #failure: { readonly alert: TlsAlert; readonly depth: number } | undefined;

  constructor(others: readonly Certificate[], roots: readonly Certificate[], options: ChainOptions) {
    this.#others = others;
    this.#roots = roots;
    this.#options = options;
  }

  /** Throws `TlsAlert` when there is no path. */
  run(leaf: Certificate): void {
    if (this.#extend([leaf])) return;
    throw this.#failure!.alert;
  }

  #extend(path: readonly Certificate[]): boolean {
    const last = path.at(-1)!;
    const what = path.length === 1 ? LEAF : `Certificate of authority ${nameText(last.subject)}`;
    const isIssuer = (candidate: Certificate) => sameBytes(candidate.subject, last.issuer);
    let isIssuerKnown = false;
    for (const root of this.#roots) {
      if (!isIssuer(root)) continue;
      isIssuerKnown = true;
      if (this.#attempt(path, () => this.#checkIssued(path, what, root, "trusted"))) return true;
    }
    for (const other of this.#others) {
      if (!isIssuer(other) || path.some((certificate) => sameBytes(certificate.der, other.der))) continue;
      isIssuerKnown = true;
      if (!this.#attempt(path, () => this.#checkIssued(path, what, other, "shown"))) continue;
      if (this.#extend([...path, other])) return true;
    }
    if (!isIssuerKnown) this.#fail(path, unknownIssuer(last, what));
    return false;
  }

  /** Whether a step succeeds; keeps why it did not. */
  #attempt(path: readonly Certificate[], step: () => void): boolean {
    if (this.#checksLeft-- === 0) {
      throw new TlsAlert(
        "bad_certificate",
        `Certificate chain is too tangled: expected a path within ${MAX_SIGNATURE_CHECKS} signatures`,
      );
    }
    try {
      step();
      return true;
    } catch (error) {
      if (!(error instanceof TlsAlert)) throw error;
      this.#fail(path, error);
      return false;
    }
  }

  #fail(path: readonly Certificate[], alert: TlsAlert): void {
    if (this.#failure === undefined || path.length > this.#failure.depth) this.#failure = { alert, depth: path.length };
  }

  #checkIssued(path: readonly Certificate[], what: string, issuer: Certificate, standing: "trusted" | "shown"): void {
    const name = `Certificate of authority ${nameText(issuer.subject)}`;
    const last = path.at(-1)!;
    const { checkSignature, time } = this.#options;
    reading(name, () => checkCommon(issuer, name, time));
    checkAuthority(issuer, name, path, standing);
    const algorithm = reading(what, () => signatureAlgorithm(last.signatureAlgorithm, what));
    if (!checkSignature(algorithm, issuer.publicKey, last.signed, last.signature)) {
      throw new TlsAlert(
        "bad_certificate",
        `${what} has a wrong signature: expected one by ${nameText(issuer.subject)}`,
      );
    }
    if (standing === "trusted") this.#checkConstraints([...path, issuer]);
  }

  /** Only on a whole path, so that only authorities that are trusted can make us compare names. */
  #checkConstraints(path: readonly Certificate[]): void {
    for (const [i, authority] of path.entries()) {
      const constraints = authority.nameConstraints;
      if (constraints === undefined) continue;
      for (const [j, certificate] of path.slice(0, i).entries()) {
        if (j > 0 && isSelfIssued(certificate)) continue; // RFC 5280 §6.1.3 (b)
        const what = j === 0 ? LEAF : `Certificate of authority ${nameText(certificate.subject)}`;
        const reason = reading(what, () => brokenConstraint(constraints, certificate, this.#comparisons));
        if (reason === undefined) continue;
        throw new TlsAlert(
          "bad_certificate",
          `${what} is beyond what ${nameText(authority.subject)} may vouch for: ${reason}`,
        );
      }
    }
  }
}

/** Whether a certificate may have issued the end of the path (RFC 5280 §6.1.4). */
function checkAuthority(
  issuer: Certificate,
  name: string,
  path: readonly Certificate[],
  standing: "trusted" | "shown",
): void {
  // Trusted certificates from before version 3 cannot say that they are authorities.
  const isAuthority = issuer.isAuthority ?? (standing === "trusted" && issuer.version < 3);
  if (!isAuthority) {
    throw new TlsAlert("bad_certificate", `${name} may not issue certificates: expected CA:TRUE`);
  }
  if (issuer.keyUsage !== undefined && !(issuer.keyUsage & KeyUsage.keyCertSign)) {
    throw new TlsAlert("bad_certificate", `${name} may not sign certificates: expected key usage keyCertSign`);
  }
  const between = path.slice(1);
  if (standing === "shown" && between.length >= MAX_INTERMEDIATES) {
    throw new TlsAlert(
      "bad_certificate",
      `Certificate chain is too long: expected at most ${MAX_INTERMEDIATES} intermediates`,
    );
  }
  const below = between.filter((certificate) => !isSelfIssued(certificate)).length;
  if (issuer.pathLength !== undefined && below > issuer.pathLength) {
    throw new TlsAlert(
      "bad_certificate",
      `${name} has ${below} authorities below it: expected at most ${issuer.pathLength}, its path length`,
    );
  }
}

function isSelfIssued(certificate: Certificate): boolean {
  return sameBytes(certificate.subject, certificate.issuer);
}

function unknownIssuer(certificate: Certificate, what: string): TlsAlert {
  if (isSelfIssued(certificate)) {
    return new TlsAlert(
      "unknown_ca",
      `${what} is signed by itself and not trusted: expected one by a trusted authority`,
    );
  }
  const issuer = nameText(certificate.issuer);
  return new TlsAlert("unknown_ca", `${what} has unknown issuer ${issuer}: expected one by a trusted authority`);
}
