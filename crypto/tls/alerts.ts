/**
 * TLS alerts as errors. QUIC has no alert records: the code travels in CONNECTION_CLOSE (RFC 9001 §4.8).
 *
 * @module
 */

/** Alert descriptions by name (RFC 8446 §6, RFC 7301 §3.2). */
export const AlertCode = {
  unexpected_message: 10,
  handshake_failure: 40,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  decode_error: 50,
  decrypt_error: 51,
  protocol_version: 70,
  internal_error: 80,
  missing_extension: 109,
  unsupported_extension: 110,
  unrecognized_name: 112,
  no_application_protocol: 120,
} as const;

/** The name of an alert that this implementation raises. */
export type AlertDescription = keyof typeof AlertCode;

/** QUIC's PROTOCOL_VIOLATION (RFC 9000 §20.1), which RFC 9001 asks for in place of an alert in four cases. */
const PROTOCOL_VIOLATION = 0x0a;

/** CRYPTO_ERROR's first code (RFC 9000 §20.1). */
const CRYPTO_ERROR = 0x100;

/** The handshake failed: what an alert would say. */
export class TlsAlert extends Error {
  /** `"TlsAlert"`. */
  override name = "TlsAlert";
  /** The alert's name as in RFC 8446 §6, `"decode_error"`. */
  readonly description: AlertDescription;
  /** The alert's code, 0 to 255. */
  readonly alert: number;
  /** The code for CONNECTION_CLOSE: 0x100 + alert, or PROTOCOL_VIOLATION where RFC 9001 says so. */
  readonly quicCode: number;

  /** `quicCode` takes the place of 0x100 + alert. */
  constructor(description: AlertDescription, message: string, options?: ErrorOptions & { quicCode?: number }) {
    super(message, options);
    this.description = description;
    this.alert = AlertCode[description];
    this.quicCode = options?.quicCode ?? CRYPTO_ERROR + this.alert;
  }

  /**
   * A fault of which RFC 9001 says PROTOCOL_VIOLATION (§4.1.3 bytes that span a change of keys, §4.4 post-handshake authentication, §4.6.1 a wrong
   * max_early_data_size, §8.4 compatibility mode).
   */
  static violation(message: string): TlsAlert {
    return new TlsAlert("unexpected_message", message, { quicCode: PROTOCOL_VIOLATION });
  }
}
