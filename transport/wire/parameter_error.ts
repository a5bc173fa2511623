/** Transport parameters that RFC 9000 §7.4 or §18.2 forbids: a TRANSPORT_PARAMETER_ERROR. The message names which. */
export class ParameterError extends Error {
  override name = "ParameterError";
}
