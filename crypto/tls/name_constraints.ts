/**
 * Name constraints of authorities (RFC 5280 §4.2.1.10): host names, IP addresses and directory names. A constraint of any
 * other kind refuses every certificate that has a name of that kind.
 *
 * @module
 */
import { asciiText } from "./server_name.ts";
import { type Certificate, type GeneralName, type NameConstraints, NameType } from "./x509.ts";
import { DerReader, Tag } from "./der.ts";

/** Most comparisons of a name with a constraint in one chain; a bound on work. */
export const MAX_NAME_COMPARISONS = 250_000;

/** Counts comparisons over one chain. */
export interface ComparisonBudget {
  left: number;
}

/** Why a certificate breaks the constraints: words for a message; `undefined` when it keeps them. */
export function brokenConstraint(
  constraints: NameConstraints,
  certificate: Certificate,
  budget: ComparisonBudget,
): string | undefined {
  for (const name of allNames(certificate)) {
    if (constraints.excluded.some((base) => overlaps(base, name, budget))) return `${describe(name)} is excluded`;
    const permitted = constraints.permitted.filter(({ type }) => type === name.type);
    if (permitted.length > 0 && !permitted.some((base) => contains(base, name, budget))) {
      return `${describe(name)} is not permitted`;
    }
  }
  return budget.left < 0 ? "there are too many names to compare" : undefined;
}

/** The subject counts as a directory name, unless it is empty. */
function allNames(certificate: Certificate): GeneralName[] {
  const value = new DerReader(certificate.subject).element(Tag.sequence).content;
  return value.length === 0 ? [...certificate.names] : [{ type: NameType.directory, value }, ...certificate.names];
}

function describe({ type, value }: GeneralName): string {
  return type === NameType.dns
    ? `host name ${JSON.stringify(asciiText(value.subarray(0, 255)))}`
    : `a name of kind ${type}`;
}

/** Whether the whole of `name` lies within `base`; for kinds that are not understood: never. */
function contains(base: GeneralName, name: GeneralName, budget: ComparisonBudget): boolean {
  if (base.type !== name.type || --budget.left < 0) return false;
  switch (base.type) {
    case NameType.dns:
      return isWithin(hostOf(name), hostOf(base)); // a star counts as some label
    case NameType.directory:
      return startsWith(name.value, base.value);
    case NameType.ip:
      return isInNetwork(name.value, base.value);
    default:
      return false;
  }
}

/** Whether any of `name` lies within `base`; for kinds that are not understood: always. */
function overlaps(base: GeneralName, name: GeneralName, budget: ComparisonBudget): boolean {
  if (base.type !== name.type) return false;
  if (--budget.left < 0) return true;
  switch (base.type) {
    case NameType.dns: {
      const [host, root] = [hostOf(name), hostOf(base)];
      if (!host.startsWith("*.")) return isWithin(host, root);
      // A star can stand for the very label that is excluded.
      return isWithin(host.slice(2), root) || isWithin(root.replace(/^\./, ""), host.slice(2));
    }
    case NameType.directory:
    case NameType.ip:
      return contains(base, name, budget);
    default:
      return true;
  }
}

function hostOf({ value }: GeneralName): string {
  return asciiText(value).toLowerCase();
}

/** A host is within itself and whatever it ends in, label by label; a dot in front asks for one label more. */
function isWithin(host: string, root: string): boolean {
  if (root === "" || host === root) return true;
  return host.endsWith(root.startsWith(".") ? root : `.${root}`);
}

/** `network` is an address and a mask. */
function isInNetwork(address: Uint8Array, network: Uint8Array): boolean {
  if (network.length !== 2 * address.length) return false;
  return address.every((byte, i) => ((byte ^ network[i]!) & network[address.length + i]!) === 0);
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, i) => byte === bytes[i]);
}
