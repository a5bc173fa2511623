/** One name, a list of them, or none. */
type Names = string | readonly string[];

/** How `parseArgs` reads the command line. */
export interface ParseOptions {
  /** Leave what follows `--` in the property of that name instead of `_`. */
  readonly "--"?: boolean;
  /** Other names of an option. */
  readonly alias?: Readonly<Record<string, Names>>;
  /** Options that take no value; `true`: all of them. */
  readonly boolean?: boolean | Names;
  /** Values of options that are not given. */
  readonly default?: Readonly<Record<string, unknown>>;
  /** Stop at the first argument that is no option. */
  readonly stopEarly?: boolean;
  /** Options whose value stays text, even if it looks like a number. */
  readonly string?: Names;
  /** Options that may be given more than once; their values become an array. */
  readonly collect?: Names;
  /** Options that `--no-` in front turns off. */
  readonly negatable?: Names;
  /** Called for each argument that no other option names; `false` drops it. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The names in one option of the parser. */
type NamesOf<N> = N extends string ? N : N extends readonly (infer S)[] ? S & string : never;
/** The keys of the options that were named in one place. */
type Named<O, K extends string> = O extends { readonly [P in K]: infer N } ? NamesOf<N> : never;
/** The defaults, if any. */
type Defaults<O> = O extends { readonly default: infer D } ? D : Record<never, never>;
/** The type of an option with a default of type `D`. */
type Widen<D> = D extends string ? string : D extends number ? number : D extends boolean ? boolean : D;
/** Without `undefined` when there is a default. */
type WithDefault<O, K extends string, T> = K extends keyof Defaults<O> ? T | Widen<Defaults<O>[K]> : T | undefined;

/** What `parseArgs` returns for the options `O`. */
export type Args<O> =
  & { [K in Exclude<Named<O, "string">, Named<O, "collect">>]: WithDefault<O, K, string> }
  & { [K in Named<O, "string"> & Named<O, "collect">]: string[] }
  & { [K in Exclude<Named<O, "boolean">, Named<O, "collect">>]: boolean }
  & { [K in Named<O, "boolean"> & Named<O, "collect">]: boolean[] }
  & { [K in Exclude<keyof Defaults<O> & string, Named<O, "string"> | Named<O, "boolean">>]: unknown }
  & { [name: string]: unknown; _: (string | number)[] }
  & (O extends { readonly "--": true } ? { "--": string[] } : Record<never, never>);

/**
 * Reads command-line arguments: `--name value`, `--name=value`, `-n value`, `--flag`, `--no-flag`; what is no option is
 * in `_`.
 */
export declare function parseArgs<const O extends ParseOptions = Record<never, never>>(
  args: string[],
  options?: O,
): Args<O>;
