import type { Address } from "../base/address.ts";
import type { Observer } from "../base/observer.ts";
import type { PathId, Role } from "../base/role.ts";
import type { CidIssuer } from "./cid_issuer.ts";
import type { CidPool } from "./cid_pool.ts";
import type { Path } from "./path.ts";
import type { PathEvent } from "./path_events.ts";
import type { PathLimits } from "./path_limits.ts";
import type { PathSet } from "./path_set.ts";
import type { Route } from "./route.ts";
import type { Validator } from "./validator.ts";

/** What the path manager works with. */
export interface PathManagerParts {
  readonly role: Role;
  readonly maxPaths: number;
  readonly paths: PathSet;
  readonly limits: PathLimits;
  readonly issuer: CidIssuer;
  readonly pool: CidPool;
  readonly validator: Validator;
  readonly observer: Observer | undefined;
  /** Whether RFC 10069 is on and the handshake is confirmed. */
  readonly isReady: () => boolean;
  /** Whether both ends offered RFC 10069; `undefined` while the peer's parameters are unknown. */
  readonly isNegotiated: () => boolean | undefined;
  /** Whether the peer forbids paths to that address of its (RFC 9000 §18.2, disable_active_migration). */
  readonly isForbidden: (remote: Address) => boolean;
  readonly makeRoute: (local: Address, remote: Address, validated: boolean) => Route;
  /** The longest PTO of all paths. */
  readonly largestPto: () => number;
  readonly events: (event: PathEvent, now: number) => void;
  /** The path gets its packet number space. */
  readonly onOpened: (path: Path, now: number) => void;
  /** Data may be sent on the path, for the first time or again. */
  readonly onUsable: (path: Path, now: number) => void;
  /** Nothing will be sent on the path any more: what is in flight there counts as lost. */
  readonly onClosing: (path: Path, now: number) => void;
  /** All of the path can be forgotten. */
  readonly onGone: (id: PathId) => void;
  /** No path is left, and none came in time. */
  readonly onNoPath: (now: number) => void;
}
