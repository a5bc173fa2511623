/**
 * Stands in for `jsr:@std/cli` on machines that cannot reach JSR: the same `parseArgs`, as the npm package `deno-std`
 * republishes it, with types written here because that package has none.
 *
 * @module
 */
// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/cli/parse_args.js";
