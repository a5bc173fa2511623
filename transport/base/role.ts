/** Which end of the connection this is. */
export type Role = "client" | "server";

/** The other end. */
export function otherRole(role: Role): Role {
  return role === "client" ? "server" : "client";
}

/** Encryption levels (RFC 9001 §2.1); "early" is 0-RTT. */
export type Level = "initial" | "early" | "handshake" | "application";

/** A path identifier (RFC 10069): 0 to 2^32-1; the handshake runs on path 0. */
export type PathId = number;
