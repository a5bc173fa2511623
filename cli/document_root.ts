import { join, sep } from "node:path";
import { HqError, HqErrorCode } from "./hq.ts";

/** A file that may be served. */
export interface ServedFile {
  /** Where it is, without symbolic links. */
  readonly path: string;
  /** Bytes, when it was looked at. */
  readonly size: number;
}

/** A directory, and nothing outside of it. */
export class DocumentRoot {
  /** The directory, without symbolic links. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Throws `Deno.errors.NotFound` and the like, and `Deno.errors.NotADirectory`. */
  static async open(path: string): Promise<DocumentRoot> {
    const real = await Deno.realPath(path);
    if (!(await Deno.stat(real)).isDirectory) throw new Deno.errors.NotADirectory(`"${path}" is not a directory`);
    return new DocumentRoot(real);
  }

  /** The file that a request's target means; throws `HqError`. */
  async find(target: string): Promise<ServedFile> {
    const wanted = join(this.path, ...segmentsOf(target));
    try {
      const path = await Deno.realPath(wanted);
      if (!this.#holds(path)) throw new HqError(HqErrorCode.REFUSED, "The path leads out of the root");
      // Opening a pipe would wait for its writer, and a device may do anything: they are not even opened.
      const info = await Deno.stat(path);
      if (!info.isFile) throw new HqError(HqErrorCode.REFUSED, "The path is not a regular file");
      return { path, size: info.size };
    } catch (error) {
      throw asHqError(error);
    }
  }

  #holds(path: string): boolean {
    return path === this.path || path.startsWith(this.path.endsWith(sep) ? this.path : this.path + sep);
  }
}

/**
 * The parts of a target, decoded once: `%252e` is a file called `%2e`. A query is not part of the name. Throws `HqError` for
 * parts that no honest name has.
 */
export function segmentsOf(target: string): string[] {
  const segments: string[] = [];
  for (const encoded of target.split("?", 1)[0]!.split("/")) {
    const segment = decode(encoded);
    if (segment === "" || segment === ".") continue;
    if (segment === "..") throw new HqError(HqErrorCode.REFUSED, 'The path has a ".." in it');
    if (/[/\\\0]/.test(segment)) {
      throw new HqError(HqErrorCode.REFUSED, "The path has an encoded slash, a backslash or a zero in a name");
    }
    if (Deno.build.os === "windows" && /[:<>"|*]|[. ]$/.test(segment)) {
      throw new HqError(HqErrorCode.REFUSED, "The path has a character that names cannot have on this system");
    }
    segments.push(segment);
  }
  return segments;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HqError(HqErrorCode.BAD_REQUEST, "The path is not percent-encoded UTF-8");
  }
}

/** What a failure to reach a file means to the one who asked for it. */
export function asHqError(error: unknown): HqError {
  if (error instanceof HqError) return error;
  if (error instanceof Deno.errors.NotFound) return new HqError(HqErrorCode.NOT_FOUND, "There is no such file");
  // A file used as a directory, a name too long, links in a ring.
  const code = (error as { code?: string }).code ?? "";
  if (error instanceof Deno.errors.NotADirectory || ["ENOTDIR", "ENAMETOOLONG", "ELOOP"].includes(code)) {
    return new HqError(HqErrorCode.NOT_FOUND, "There is no such file");
  }
  return new HqError(HqErrorCode.UNREADABLE, `The file cannot be read: ${(error as Error).message}`);
}
