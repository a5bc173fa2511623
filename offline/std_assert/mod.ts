/**
 * Stands in for `jsr:@std/assert` on machines that cannot reach JSR: the same code, as the npm package `deno-std`
 * republishes it, with types written here because that package has none.
 *
 * @module
 */
// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
