/** What the READMEs show, taken from where it stands, in a folder of its own that knows the published packages only. */
import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

/** The blocks of code in a language (`ts`, `json`, ...) below a heading, those that `deno test --doc` leaves out included. */
export async function codeBelow(file: string, heading: string, language: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL(file, root));
  const section = text.split("\n## ").find((part) => part.startsWith(`${heading}\n`));
  assert(section !== undefined, `${file} has no heading "${heading}"`);
  const blocks = [...section.matchAll(/^```(\w+)[^\n]*\n([\s\S]*?)^```$/gm)];
  return blocks.filter(([, word]) => word === language).map(([, , code]) => code ?? "");
}

/** A program's lines that are not empty. */
export function codeLines(code: string): string[] {
  return code.split("\n").filter((line) => line.trim() !== "");
}

/** A folder outside the repository with `deno.json` and files, gone when it is disposed of. */
export class FreshFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async with(files: Readonly<Record<string, string>>): Promise<FreshFolder> {
    const folder = new FreshFolder(await Deno.makeTempDir());
    const linked = (member: string): string => decodeURIComponent(new URL(member, root).pathname);
    const config = {
      imports: { "@multipath/quic": "jsr:@multipath/quic@^0.1.0", "@std/assert": "jsr:@std/assert@^1" },
      links: [linked("."), linked("offline/std_assert"), linked("offline/std_cli")],
    };
    for (const [name, text] of Object.entries({ "deno.json": JSON.stringify(config), ...files })) {
      await Deno.writeTextFile(`${folder.path}/${name}`, text);
    }
    return folder;
  }

  /** Runs `deno` in the folder; what it printed, when it ended well. */
  async deno(...args: string[]): Promise<string> {
    const command = new Deno.Command(Deno.execPath(), { args, cwd: this.path, env: { NO_COLOR: "1" } });
    const { code, stdout, stderr } = await command.output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(code, 0, `deno ${args.join(" ")}\n${out}\n${err}`);
    return out ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
