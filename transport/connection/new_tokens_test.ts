import { assertEquals } from "@std/assert";
import { MAX_TOKEN_HOSTS, NewTokens } from "./new_tokens.ts";

const TARGET = { level: "application", path: 0, route: 0, now: 0 } as const;

Deno.test("NewTokens.onValidated() a token for each host that is new, good for the newest of them", () => {
  const made: string[][] = [];
  const tokens = new NewTokens((hosts) => {
    made.push([...hosts]);
    return new Uint8Array(1);
  });
  assertEquals(tokens.hasFrames(TARGET), false);
  for (let i = 0; i < MAX_TOKEN_HOSTS + 2; i++) {
    tokens.onValidated({ hostname: `h${i}`, port: 1 }, 0);
    tokens.onValidated({ hostname: `h${i}`, port: 2 }, 0);
    assertEquals(tokens.hasFrames(TARGET), true);
  }
  assertEquals(made.length, MAX_TOKEN_HOSTS + 2);
  assertEquals(made[1], ["h0", "h1"]);
  assertEquals([made.at(-1)!.length, made.at(-1)!.at(-1)], [MAX_TOKEN_HOSTS, `h${MAX_TOKEN_HOSTS + 1}`]);
});

Deno.test("NewTokens gives none when it is told so, or when none can be made", () => {
  for (const make of [undefined, () => undefined]) {
    const tokens = new NewTokens(make);
    tokens.onValidated({ hostname: "h", port: 1 }, 0);
    assertEquals(tokens.hasFrames(TARGET), false);
  }
});
