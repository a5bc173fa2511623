/**
 * Logs of connections in qlog, the format of the QUIC working group (main-schema-14, quic-events-13), with path ids and the
 * frames of multiple paths (RFC 10069).
 *
 * @example A log of one connection, in memory
 * ```ts
 * import { qlogFile } from "@multipath/qlog";
 * import { assertStringIncludes } from "@std/assert";
 *
 * let text = "";
 * const log = qlogFile({
 *   writeSync(bytes) {
 *     text += new TextDecoder().decode(bytes);
 *     return bytes.length;
 *   },
 * });
 * log.on("quic:alpn_information", { chosen: "h3" }, 12.5);
 * log.close();
 * assertStringIncludes(text, '{"time":12.5,"name":"quic:alpn_information"');
 * ```
 *
 * @module
 */
export { QLOG_SCHEMAS, qlogFile, qlogFolder, type QlogObserver, type QlogOptions } from "./qlog.ts";
export type { WriterSync } from "./sink.ts";
