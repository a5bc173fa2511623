import type { Address } from "../base/address.ts";
import { Flag } from "../base/flag.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter } from "../base/frame_owner.ts";
import type { NewTokenFrame } from "../wire/frames/types.ts";

/** Hosts that one token is good for, at most: the newest. */
export const MAX_TOKEN_HOSTS = 8;

/**
 * NEW_TOKEN out (RFC 9000 §8.1.3): a server gives its client a token when the handshake is complete, and another whenever the
 * client has proved that it is at one more host. Each is good for all of them, since a client will use the last one it has,
 * wherever it then is (RFC 10069 §3.1.3).
 */
export class NewTokens implements FrameOwner {
  /** NEW_TOKEN frames on their way in go to the handshake. */
  readonly receives = [] as const;
  readonly #make: ((hosts: readonly string[], now: number) => Uint8Array | undefined) | undefined;
  readonly #hosts: string[] = [];
  #flag: Flag<NewTokenFrame> | undefined;

  /** `make`: makes a token for a client at one of these hosts; `undefined`: none are given. */
  constructor(make: ((hosts: readonly string[], now: number) => Uint8Array | undefined) | undefined) {
    this.#make = make;
  }

  /** The client has proved that it is there. */
  onValidated(remote: Address, now: number): void {
    if (this.#make === undefined || this.#hosts.includes(remote.hostname)) return;
    this.#hosts.push(remote.hostname);
    if (this.#hosts.length > MAX_TOKEN_HOSTS) this.#hosts.shift();
    const token = this.#make(this.#hosts, now);
    if (token === undefined) return;
    this.#flag = new Flag<NewTokenFrame>({ kind: "new_token", token });
    this.#flag.want();
  }

  /** Never called: nothing is routed here. */
  onFrame(): void {}

  /** Whether a token waits to be sent. */
  hasFrames(target: PacketTarget): boolean {
    return this.#flag?.hasFrames(target) === true;
  }

  /** Writes the token that waits, if it fits. */
  writeFrames(packet: PacketWriter): void {
    this.#flag?.writeFrames(packet);
  }

  /** Never called: the flag owns its records. */
  onAcked(_record: FrameRecord): void {}
  /** Never called, likewise. */
  onLost(_record: FrameRecord): void {}
}
