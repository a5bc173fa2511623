import { assert, assertEquals } from "@std/assert";
import type { NamespaceReport } from "./namespace_client.ts";

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const CLIENT = new URL("namespace_client.ts", import.meta.url).pathname;
/** Milliseconds within which an address that comes is a path. */
const PROMISED = 2000;

/** Why there can be no network namespace here; `undefined`: there can. */
function whyNot(): string | undefined {
  if (Deno.build.os !== "linux") return `the system is ${Deno.build.os}`;
  for (const [command, ...args] of [["unshare", "-n", "true"], ["nsenter", "--version"], ["ip", "-V"]]) {
    try {
      const { success } = new Deno.Command(command!, { args, stdin: "null", stdout: "null", stderr: "null" })
        .outputSync();
      if (!success) return `${command} fails, which needs root`;
    } catch {
      return `there is no ${command}`;
    }
  }
  return undefined;
}

const reason = whyNot();

Deno.test({
  name: `connectQuic() paths "auto" follows addresses as they come and go${
    reason === undefined ? "" : ` (not here: ${reason})`
  }`,
  ignore: reason !== undefined,
  async fn(): Promise<void> {
    const flags = ["run", "-A", "--no-lock", "--quiet", "--unstable-net", `--config=${CONFIG}`];
    const args = ["-n", Deno.execPath(), ...flags, CLIENT, `--config=${CONFIG}`];
    const { code, stdout } = await new Deno.Command("unshare", { args, stdin: "null", stderr: "inherit" }).output();
    assertEquals(code, 0);
    const report = JSON.parse(new TextDecoder().decode(stdout)) as NamespaceReport;
    assertEquals(report.withoutFirst, "cell");
    assertEquals(report.first.toSorted(), ["cell 10.77.1.2", "wifi 10.77.0.2"]);
    assertEquals(report.gone.reason, "The address 10.77.1.2 is gone");
    assertEquals(report.socketsAfterGone, ["10.77.0.2"]);
    assertEquals(report.firstGone.reason, "The address 10.77.0.2 is gone");
    for (const { change, local, after } of [report.gone, report.back, report.added, report.firstGone, report.last]) {
      assert(after < PROMISED, `${local} was ${change} after ${after} ms`);
    }
    assertEquals(report.echoed, 300_000 * 3 + 3_000_000);
    assertEquals(report.atEnd, { paths: ["wifi 10.77.0.4"], sockets: ["10.77.0.4"] });
  },
});
