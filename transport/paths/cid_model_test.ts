/** The issuer of one end and the pool of the other, joined by a pipe that loses and reorders. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { PathId } from "../base/role.ts";
import { CidIssuer, MAX_KEPT_IDS } from "./cid_issuer.ts";
import { CidPool } from "./cid_pool.ts";
import { arrival, RoutePacket, seededRandom } from "./fakes.ts";

const MAX_PATH = 3;
const KEEP = 300;
const PATHS: readonly PathId[] = [0, 1, 2, 3];

interface Pipe {
  readonly packet: RoutePacket;
  readonly toIssuer: boolean;
  /** What the packet came with, when it goes to the issuer. */
  readonly destinationId: Uint8Array;
}

interface RouteInUse {
  readonly path: PathId;
  readonly route: number;
}

class World {
  readonly issuer: CidIssuer;
  readonly pool: CidPool;
  readonly table = new Map<string, PathId>();
  readonly limit: number;
  readonly used = new Set<PathId>([0]);
  readonly provided = new Set<PathId>([0]);
  readonly abandonedByIssuer = new Set<PathId>();
  readonly abandonedByPool = new Set<PathId>();
  /** All that ever was in the table, with its one path. */
  readonly everIssued = new Map<string, PathId>();
  /** The ids that each route of the pool's end has had; a shared one counts for its first route. */
  readonly ownerOf = new Map<string, number>();
  readonly retired = new Set<string>();
  routes: RouteInUse[] = [];
  pipe: Pipe[] = [];
  unanswered: RoutePacket[] = [];
  now = 0;
  #nextRoute = 0;

  constructor(limit: number, cap: number) {
    this.limit = Math.min(limit, cap);
    const handshakeId = new Uint8Array(4).fill(7);
    this.issuer = new CidIssuer({
      idLength: 4,
      random: seededRandom(limit * 16 + cap),
      resetTokenFor: (id) => new Uint8Array(16).fill(id[0]!),
      registry: {
        add: (id, path) => {
          assert(!this.everIssued.has(id.join()), "an id is issued twice");
          this.everIssued.set(id.join(), path);
          this.table.set(id.join(), path);
        },
        remove: (id) => assert(this.table.delete(id.join()), "an id is removed twice"),
      },
      multipath: () => true,
      peerMaxPath: () => MAX_PATH,
      keepFor: () => KEEP,
      idsPerPath: cap,
    });
    this.pool = new CidPool({ activeLimit: limit, maxPath: () => MAX_PATH, multipath: () => true });
    this.issuer.start(handshakeId);
    this.pool.start(handshakeId);
    this.issuer.setPeerLimit(limit);
  }

  use(path: PathId): void {
    this.issuer.use(path);
    this.used.add(path);
    this.provided.add(path);
  }

  provide(path: PathId): void {
    this.issuer.provide(path);
    this.provided.add(path);
  }

  abandonAtIssuer(path: PathId): void {
    this.abandonedByIssuer.add(path);
    this.issuer.abandon(path, this.abandonedByPool.has(path) ? this.now + KEEP : Infinity);
  }

  abandonAtPool(path: PathId): void {
    this.abandonedByPool.add(path);
    this.pool.abandon(path);
    this.routes = this.routes.filter((r) => r.path !== path);
    if (this.abandonedByIssuer.has(path)) this.issuer.abandon(path, this.now + KEEP);
  }

  openRoute(path: PathId): void {
    const route = this.#nextRoute++;
    if (this.pool.idFor(path, route) !== undefined) this.routes.push({ path, route });
  }

  shareRoute(from: RouteInUse): void {
    const route = this.#nextRoute++;
    const id = this.pool.current(from.path, from.route);
    if (!this.pool.share(from.path, from.route, route)) return;
    assertEquals(this.pool.idFor(from.path, route), id);
    this.routes.push({ path: from.path, route });
    this.ownerOf.delete(id!.join());
  }

  release(r: RouteInUse): void {
    this.pool.releaseRoute(r.path, r.route);
    this.routes = this.routes.filter((other) => other !== r);
  }

  sendFromIssuer(room: number): boolean {
    const packet = new RoutePacket({ room, now: this.now });
    if (!this.issuer.hasFrames(packet)) return false;
    this.issuer.writeFrames(packet);
    this.pipe.push({ packet, toIssuer: false, destinationId: new Uint8Array(4) });
    return true;
  }

  /** Sends on the first route that has an id, if anything waits. */
  sendFromPool(room: number): boolean {
    const packet = new RoutePacket({ room, now: this.now });
    let destinationId: Uint8Array = new Uint8Array(4);
    for (const r of this.routes) {
      const id = this.pool.idFor(r.path, r.route);
      if (id === undefined) continue;
      this.#checkUse(r, id);
      destinationId = id;
    }
    if (!this.pool.hasFrames(packet)) return false;
    this.pool.writeFrames(packet);
    this.pipe.push({ packet, toIssuer: true, destinationId });
    return true;
  }

  #checkUse({ path, route }: RouteInUse, id: Uint8Array): void {
    const key = id.join();
    assertEquals(this.everIssued.get(key), path, "an id is used on another path");
    assert(!this.retired.has(key), "an id is used after its retirement");
    if (!this.abandonedByIssuer.has(path)) {
      assertEquals(this.issuer.pathOf(id), path, "an id is used that is not known");
    }
    const sharers = this.routes.filter((r) => r.path === path && this.pool.current(path, r.route) === id).length;
    if (sharers > 1) return;
    assertEquals(this.ownerOf.get(key) ?? route, route, "an id is used on two routes");
    this.ownerOf.set(key, route);
  }

  deliver(at: number): void {
    const [{ packet, toIssuer, destinationId }] = this.pipe.splice(at, 1) as [Pipe];
    const before = this.#idsOfPool();
    for (const frame of packet.frames) {
      if (frame.kind === "new_connection_id") assert(frame.retirePriorTo <= frame.sequence);
      const received = arrival({ now: this.now, destinationId });
      if (toIssuer) this.issuer.onFrame(frame, received);
      else this.pool.onFrame(frame, received);
    }
    this.#noteRetired(before);
    this.unanswered.push(packet);
  }

  /** Runs something at the pool's end, and notes which ids it gave up. */
  atPool(run: () => void): void {
    const before = this.#idsOfPool();
    run();
    this.#noteRetired(before);
  }

  #idsOfPool(): Map<RouteInUse, string> {
    const ids = new Map<RouteInUse, string>();
    for (const r of this.routes) {
      const id = this.pool.current(r.path, r.route);
      if (id !== undefined) ids.set(r, id.join());
    }
    return ids;
  }

  #noteRetired(before: Map<RouteInUse, string>): void {
    const still = new Set(this.#idsOfPool().values());
    for (const key of before.values()) if (!still.has(key)) this.retired.add(key);
  }

  tick(by: number): void {
    this.now += by;
    this.issuer.onTimeout(this.now);
  }

  checkBounds(): void {
    assert(this.table.size <= PATHS.length * 2 * this.limit + MAX_KEPT_IDS, `${this.table.size} ids in the table`);
    for (const path of PATHS) {
      assert(this.pool.count(path) <= this.limit, `${this.pool.count(path)} ids of path ${path}`);
    }
  }

  /** Delivers all that is under way and all that follows from it. */
  settle(): void {
    for (let rounds = 0;; rounds++) {
      assert(rounds < 50, "the two ends do not come to rest");
      while (this.pipe.length > 0) this.deliver(0);
      for (const packet of this.unanswered.splice(0)) packet.acked(this.now);
      const sent = this.sendFromIssuer(2000);
      if (!this.sendFromPool(2000) && !sent) return;
    }
  }

  checkSettled(): void {
    let live = 0;
    for (const path of PATHS) {
      if (this.abandonedByIssuer.has(path) || this.abandonedByPool.has(path)) continue;
      const expected = this.used.has(path) ? this.limit : this.provided.has(path) ? 1 : 0;
      assertEquals(this.pool.count(path), expected, `ids of path ${path}`);
      live += expected;
    }
    for (const path of PATHS) if (this.abandonedByPool.has(path)) this.abandonAtIssuer(path);
    for (const path of PATHS) if (this.abandonedByIssuer.has(path)) this.abandonAtPool(path);
    this.tick(KEEP);
    assertEquals(this.table.size, live, "only ids that the peer has are left");
    assertEquals(this.issuer.nextTimeout(), Infinity);
  }
}

interface Step {
  readonly what: string;
  readonly path: PathId;
  readonly pick: number;
}

/** One step; most do something only when there is something to do it to. */
function run(world: World, { what, path, pick }: Step): void {
  const route = world.routes[pick % Math.max(1, world.routes.length)];
  const room = 10 + pick % 40;
  const steps: Record<string, () => void> = {
    "use": () => world.use(path),
    "provide": () => world.provide(path),
    "renew": () => void world.issuer.renew(path),
    "open": () => world.openRoute(path),
    "share": () => route && world.shareRoute(route),
    "rotate": () => route && world.atPool(() => void world.pool.rotate(route.path, route.route)),
    "release": () => route && world.atPool(() => world.release(route)),
    "abandon at issuer": () => world.abandonAtIssuer(path),
    "abandon at pool": () => world.abandonAtPool(path),
    "send from issuer": () => void world.sendFromIssuer(room),
    "send from pool": () => void world.sendFromPool(room),
    "deliver": () => world.pipe.length > 0 && world.deliver(pick % world.pipe.length),
    "drop": () => world.pipe.splice(pick % Math.max(1, world.pipe.length), 1)[0]?.packet.lost(world.now),
    "ack": () => world.unanswered.splice(pick % Math.max(1, world.unanswered.length), 1)[0]?.acked(world.now),
    "ack lost": () => world.unanswered.splice(pick % Math.max(1, world.unanswered.length), 1)[0]?.lost(world.now),
    "time": () => world.tick(pick),
  };
  steps[what]!();
}

const anyStep = (what: fc.Arbitrary<string>): fc.Arbitrary<Step> =>
  fc.record({ what, path: fc.constantFrom(...PATHS), pick: fc.nat(200) });

const traffic = fc.constantFrom("send from issuer", "send from pool", "deliver", "deliver", "drop", "ack", "ack lost");
const changes = fc.constantFrom("use", "provide", "renew", "open", "share", "rotate", "release", "time");
const endings = fc.constantFrom("abandon at issuer", "abandon at pool");

function check(weights: { traffic: number; changes: number; endings: number }, runs: number): void {
  const step = fc.oneof(
    { weight: weights.traffic, arbitrary: anyStep(traffic) },
    { weight: weights.changes, arbitrary: anyStep(changes) },
    { weight: weights.endings, arbitrary: anyStep(endings) },
  );
  const limit = fc.integer({ min: 2, max: 5 });
  fc.assert(
    fc.property(limit, limit, fc.array(step, { maxLength: 120, size: "max" }), (limit, cap, steps) => {
      const world = new World(limit, cap);
      world.openRoute(0);
      for (const step of steps) {
        run(world, step);
        world.checkBounds();
      }
      world.settle();
      world.checkBounds();
      world.checkSettled();
      return true;
    }),
    { numRuns: runs },
  );
}

Deno.test("CidIssuer and CidPool agree over a pipe that loses and reorders (property; rows 45, 54, 58, 59, 63, 64, 126)", () => {
  check({ traffic: 6, changes: 4, endings: 0 }, 300);
});

Deno.test("CidIssuer and CidPool agree while paths are abandoned (property; rows 78, 82, 85, 97)", () => {
  check({ traffic: 6, changes: 4, endings: 1 }, 300);
});
