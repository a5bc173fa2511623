import type { ControllerFactory } from "../../recovery/congestion/controller.ts";
import { cubic } from "../../recovery/congestion/cubic.ts";
import { newReno } from "../../recovery/congestion/new_reno.ts";
import type { Address } from "../base/address.ts";
import type { PathSet } from "../paths/path_set.ts";
import { Route } from "../paths/route.ts";
import type { ResolvedConfig } from "./config.ts";
import type { Context, Timed } from "./context.ts";

/** Makes routes, and runs the timers of their MTU searches. */
export class RouteMaker implements Timed {
  readonly #context: Context;
  readonly #paths: PathSet;
  readonly #congestion: ControllerFactory;

  constructor(context: Context, paths: PathSet) {
    this.#context = context;
    this.#paths = paths;
    this.#congestion = controllerOf(context.config);
  }

  make(local: Address, remote: Address, validated: boolean, heir: Route | undefined): Route {
    const { config, peer } = this.#context;
    const paths = this.#paths;
    const route: Route = new Route({
      number: paths.nextRouteNumber(),
      local,
      remote,
      validated,
      initialRtt: config.initialRtt,
      maxUdpPayload: Math.min(config.maxUdpPayload, peer?.maxUdpPayloadSize ?? Infinity),
      initialWindowPackets: config.initialWindowPackets,
      congestion: this.#congestion,
      siblings: () =>
        [...paths.routes()].filter((other) => other !== route).map((other) => ({
          controller: other.controller,
          rtt: other.rtt,
        })),
      heir,
    });
    return route;
  }

  nextTimeout(): number {
    let next = Infinity;
    for (const route of this.#paths.routes()) next = Math.min(next, route.mtu.nextTimeout());
    return next;
  }

  onTimeout(now: number): void {
    for (const route of this.#paths.routes()) {
      if (route.mtu.nextTimeout() <= now) route.mtu.onTimeout(now);
    }
  }
}

function controllerOf(config: ResolvedConfig): ControllerFactory {
  if (typeof config.congestion === "function") return config.congestion;
  return config.congestion === "cubic" ? cubic() : newReno();
}
