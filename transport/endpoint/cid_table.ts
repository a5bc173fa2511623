import type { PathId } from "../base/role.ts";
import type { Connection } from "../connection/connection.ts";
import { idKey } from "../wire/connection_id.ts";

/** Which connection a connection id belongs to. */
export class CidTable {
  readonly #connections = new Map<string, Connection>();
  /** The id of the last datagram: most datagrams come in rows. */
  #lastId: Uint8Array = new Uint8Array(0);
  #last: Connection | undefined;

  get size(): number {
    return this.#connections.size;
  }

  add(id: Uint8Array, connection: Connection, _path: PathId): void {
    this.#connections.set(idKey(id), connection);
  }

  has(id: Uint8Array): boolean {
    return this.#connections.has(idKey(id));
  }

  remove(id: Uint8Array): void {
    this.#connections.delete(idKey(id));
    this.#last = undefined;
  }

  /** The connection for the id in `bytes[start, start + length)`. */
  find(bytes: Uint8Array, start: number, length: number): Connection | undefined {
    if (this.#last !== undefined && this.#isLast(bytes, start, length)) return this.#last;
    const found = this.#connections.get(idKey(bytes, start, length));
    if (found !== undefined) {
      this.#last = found;
      this.#lastId = bytes.slice(start, start + length);
    }
    return found;
  }

  #isLast(bytes: Uint8Array, start: number, length: number): boolean {
    const last = this.#lastId;
    if (last.length !== length) return false;
    for (let i = 0; i < length; i++) if (last[i] !== bytes[start + i]) return false;
    return true;
  }
}
