import { ApplicationError, HandshakeError, IdleTimeoutError, StreamError } from "../mod.ts";
import { CommandError, UsageError } from "./errors.ts";
import { meaningOf } from "./hq.ts";
import { formatHostPort, type HostPort } from "./where.ts";

/** TLS alerts (RFC 8446 §6.2) that speak of a certificate. */
const CERTIFICATE_ALERTS: ReadonlySet<number> = new Set([41, 42, 43, 44, 45, 46, 48, 111, 113, 114, 116]);
const NO_APPLICATION_PROTOCOL = 120;

/** What a failed download means to the person who asked for it. */
export function describeFailure(error: unknown, wanted: HostPort & { readonly target: string }): Error {
  if (error instanceof CommandError || error instanceof UsageError) return error;
  const server = formatHostPort(wanted);
  const what = `Cannot get ${wanted.target} from ${server}`;
  if (error instanceof StreamError) return new CommandError(`${what}: ${meaningOf(error.code)} (code ${error.code})`);
  if (error instanceof ApplicationError && error.byPeer) {
    const reason = error.reason === "" ? meaningOf(error.code) : error.reason;
    return new CommandError(`${what}: the server closed the connection: ${reason} (code ${error.code})`);
  }
  if (error instanceof HandshakeError) return new CommandError(`${what}: ${describeAlert(error)}`);
  if (error instanceof IdleTimeoutError) return new CommandError(`${what}: ${error.message}`);
  return new CommandError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
}

function describeAlert(error: HandshakeError): string {
  if (error.alert === NO_APPLICATION_PROTOCOL) return `the server does not speak hq-interop (${error.message})`;
  if (!CERTIFICATE_ALERTS.has(error.alert)) return `the handshake failed: ${error.message}`;
  if (error.byPeer) return `the server refused our certificate: ${error.message}`;
  return /certificate/i.test(error.reason) ? error.reason : `the server's certificate is refused: ${error.message}`;
}
