/**
 * The errors of sockets and name resolution, for `mod.ts`, which sees no deeper than this folder.
 *
 * @module
 */
export { ResolveError } from "../io/resolve.ts";
export { SocketError } from "../io/socket.ts";
