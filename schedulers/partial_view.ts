import type { ConnectionView, PathView } from "./scheduler.ts";

/**
 * A connection of which some paths are hidden: what wrappers show to the schedulers that they wrap. One object for the life of
 * a wrapper; `of` turns it to the question at hand.
 */
export class PartialView implements ConnectionView {
  #whole: ConnectionView | undefined;
  #paths: readonly PathView[] = [];

  /** Shows those paths of a view that `isShown` lets through. The list of paths stays the same array while they do. */
  of(view: ConnectionView, isShown: (path: PathView) => boolean): this {
    const { paths } = view;
    const before = this.#paths;
    this.#whole = view;
    let count = 0;
    let isSame = true;
    for (let i = 0; i < paths.length; i++) {
      if (!isShown(paths[i]!)) continue;
      isSame &&= before[count] === paths[i];
      count++;
    }
    if (count === paths.length) this.#paths = paths;
    else if (!isSame || count !== before.length) this.#paths = Object.freeze(paths.filter(isShown));
    return this;
  }

  /** Shows all paths of a view. */
  ofAll(view: ConnectionView): this {
    this.#whole = view;
    this.#paths = view.paths;
    return this;
  }

  get now(): number {
    return this.#whole?.now ?? 0;
  }

  get paths(): readonly PathView[] {
    return this.#paths;
  }

  get backlog(): number {
    return this.#whole?.backlog ?? 0;
  }

  get sendWindow(): number {
    return this.#whole?.sendWindow ?? 0;
  }

  signal(name: string): number | undefined {
    return this.#whole?.signal(name);
  }
}
