/**
 * A scenario over one of its links alone, to compare with.
 *
 * @module
 */
import type { EventAction, Load, Scenario, ScenarioSide } from "./types.ts";

/**
 * The same over one link only: it is there from the start and available, and what happens to others, or needs two paths, is
 * left out. Throws `RangeError` when there is no such link.
 */
export function aloneOver(scenario: Scenario, link: number): Scenario {
  const kept = scenario.links[link];
  if (kept === undefined) {
    throw new RangeError(`Link is ${link}: expected 0 to ${scenario.links.length - 1}`);
  }
  const free = (side: ScenarioSide): ScenarioSide => ({ ...side, pin: new Map() });
  return {
    ...scenario,
    links: [{ ...kept, share: undefined, status: "available", openMs: 0 }],
    events: scenario.events.flatMap((event) => {
      const action = moved(event.action, link);
      return action === undefined ? [] : [{ ...event, action }];
    }),
    client: free(scenario.client),
    server: free(scenario.server),
    load: unpinned(scenario.load),
    cross: scenario.cross.filter((each) => each.link === link).map((each) => ({ ...each, link: 0 })),
  };
}

function moved(action: EventAction, link: number): EventAction | undefined {
  if (action.type === "open" || action.type === "close" || action.type === "status") return undefined;
  if (!("link" in action)) return action;
  return action.link === link ? { ...action, link: 0 } : undefined;
}

function unpinned(load: Load): Load {
  if (load.kind === "mixed") return { ...load, parts: load.parts.map(unpinned) };
  return load.kind === "datagrams" ? { ...load, pin: undefined } : load;
}
