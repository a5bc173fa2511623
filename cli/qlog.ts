import { qlogFolder } from "@multipath/qlog";
import { CommandError } from "./errors.ts";
import { userPath } from "./where.ts";

/** Gives each connection a log in a directory, which is made when it is not there; nothing without a directory. */
export async function qlogObserver(directory: string | undefined): Promise<ReturnType<typeof qlogFolder> | undefined> {
  if (directory === undefined) return undefined;
  const path = userPath(directory);
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw new CommandError(`Cannot make the directory for logs "${path}": ${(error as Error).message}`);
  }
  return qlogFolder(path);
}
