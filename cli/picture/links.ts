/**
 * What a scenario does to its links, in the time of a run.
 *
 * @module
 */
import type { LinkOptions } from "../../tests/kit/link_options.ts";
import type { Scenario, ScenarioLink, ScenarioResult } from "../../tests/kit/scenario/mod.ts";

/** A time in which a link is not what it was. */
export interface LinkSpan {
  /** Virtual milliseconds. */
  readonly from: number;
  /** Not included. */
  readonly to: number;
  /** "down": nothing gets through, in one direction at least; "fade": it is worse than the scenario began with. */
  readonly kind: "down" | "fade";
  /** A few words. */
  readonly label: string;
}

/** Something that happens at once. */
export interface Incident {
  /** Virtual milliseconds. */
  readonly at: number;
  /** A few words. */
  readonly label: string;
}

/** What happens to the applications and the links. */
export interface Happenings {
  /** For each link. */
  readonly links: readonly { readonly spans: readonly LinkSpan[]; readonly incidents: readonly Incident[] }[];
  /** What belongs to no link. */
  readonly incidents: readonly Incident[];
}

/** One direction of a link: what the picture knows of it. */
type Condition = Pick<LinkOptions, "rateMbps" | "delayMs" | "lossPercent" | "dead" | "unreachable">;

interface Ends {
  up: Condition;
  down: Condition;
}

/** What happened up to `end`. Events that count from what never was did not happen. */
export function happeningsOf(scenario: Scenario, result: ScenarioResult, end: number): Happenings {
  const links = scenario.links.map((link): { spans: LinkSpan[]; incidents: Incident[] } => ({
    spans: linkSpans(link, changesOf(scenario, result, scenario.links.indexOf(link)), end),
    incidents: [],
  }));
  const incidents: Incident[] = [];
  for (const { at, action } of timed(scenario, result)) {
    if (at >= end) continue;
    switch (action.type) {
      case "rebind":
        links[action.link]?.incidents.push({ at, label: action.address ? "NAT: new address" : "NAT: new port" });
        break;
      case "open":
      case "close":
        links[action.link]?.incidents.push({ at, label: `application: ${action.type}` });
        break;
      case "status":
        links[action.link]?.incidents.push({ at, label: `application: ${action.to}` });
        break;
      case "renewConnectionId":
        links[action.link]?.incidents.push({ at, label: "new connection id" });
        break;
      case "mode":
        incidents.push({ at, label: `${action.side}: ${action.mode}` });
        break;
      case "keyUpdate":
        incidents.push({ at, label: `${action.side}: key update` });
    }
  }
  return { links, incidents };
}

function timed(
  scenario: Scenario,
  result: ScenarioResult,
): { at: number; action: Scenario["events"][number]["action"] }[] {
  const origins = { start: 0, confirmed: result.confirmedMs, validated: result.validatedMs };
  return scenario.events
    .filter(({ from }) => origins[from] >= 0)
    .map(({ at, from, action }) => ({ at: origins[from] + at, action }))
    .sort((a, b) => a.at - b.at);
}

interface Change {
  readonly at: number;
  readonly direction: "up" | "down" | "both";
  readonly set: LinkOptions;
}

function changesOf(scenario: Scenario, result: ScenarioResult, link: number): Change[] {
  return timed(scenario, result).flatMap(({ at, action }) =>
    action.type === "set" && action.link === link ? [{ at, direction: action.direction, set: action.set }] : []
  );
}

function linkSpans({ both, up, down }: ScenarioLink, changes: readonly Change[], end: number): LinkSpan[] {
  const first: Ends = { up: { ...both, ...up }, down: { ...both, ...down } };
  let now: Ends = first;
  const spans: LinkSpan[] = [];
  let from = 0;
  const close = (to: number): void => {
    const state = stateOf(now, first);
    if (state !== undefined && to > from) {
      const last = spans.at(-1);
      if (last !== undefined && last.to === from && last.kind === state.kind && last.label === state.label) {
        spans[spans.length - 1] = { ...last, to };
      } else spans.push({ from, to, ...state });
    }
    from = to;
  };
  for (const { at, direction, set } of changes) {
    if (at >= end) break;
    close(at);
    now = {
      up: direction === "down" ? now.up : { ...now.up, ...set },
      down: direction === "up" ? now.down : { ...now.down, ...set },
    };
  }
  close(end);
  return spans;
}

function stateOf(now: Ends, first: Ends): Pick<LinkSpan, "kind" | "label"> | undefined {
  const [up, down] = [isDead(now.up), isDead(now.down)];
  if (up && down) return { kind: "down", label: "link down" };
  if (up || down) return { kind: "down", label: up ? "down to the server" : "down to the client" };
  const changed = [...new Set([...worse(now.down, first.down), ...worse(now.up, first.up)])];
  return changed.length === 0 ? undefined : { kind: "fade", label: changed.join(", ") };
}

function isDead({ dead, unreachable }: Condition): boolean {
  return dead === true || unreachable === true;
}

function worse(now: Condition, first: Condition): string[] {
  const words: string[] = [];
  if ((now.rateMbps ?? Infinity) < (first.rateMbps ?? Infinity)) words.push(`${now.rateMbps} Mbit/s`);
  if ((now.delayMs ?? 0) > (first.delayMs ?? 0)) words.push(`${now.delayMs} ms`);
  if ((now.lossPercent ?? 0) > (first.lossPercent ?? 0)) words.push(`${now.lossPercent} % loss`);
  return words;
}

/** What a link is at the beginning, in a few words: `20 Mbit/s, 10 ms, 1 % loss`. */
export function describeLink({ both, up, down, cost, metered }: ScenarioLink): string {
  const [way, back] = [{ ...both, ...down }, { ...both, ...up }];
  const pair = (read: (options: LinkOptions) => unknown): string => {
    const [to, from] = [read(way), read(back)];
    return to === from ? `${to}` : `${to} / ${from}`;
  };
  const words: string[] = [];
  if (way.trace !== undefined && way.trace !== null) words.push("rate by a trace");
  else if (way.rateMbps !== undefined && way.rateMbps !== null) {
    words.push(`${pair(({ rateMbps }) => rateMbps ?? "any")} Mbit/s`);
  }
  words.push(`${pair(({ delayMs }) => delayMs ?? 0)} ms`);
  if ((way.lossPercent ?? 0) + (back.lossPercent ?? 0) > 0) {
    words.push(`${pair(({ lossPercent }) => lossPercent ?? 0)} % loss`);
  }
  if (cost > 0) words.push(`cost ${cost}`);
  if (metered) words.push("metered");
  return words.join(", ");
}
