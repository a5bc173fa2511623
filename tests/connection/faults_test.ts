import { assertEquals, assertInstanceOf } from "@std/assert";
import { newReno } from "../../recovery/congestion/new_reno.ts";
import type { ControllerFactory } from "../../recovery/congestion/controller.ts";
import { TransportError, TransportErrorCode } from "../../transport/base/errors.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "./pair.ts";

/** A controller that breaks in one of its methods after so many calls. */
function broken(method: "onSent" | "onCongestion", calls: number): ControllerFactory {
  return (path) => {
    const controller = newReno()(path);
    let count = 0;
    const original = controller[method].bind(controller) as (...args: unknown[]) => void;
    Object.defineProperty(controller, method, {
      value: (...args: unknown[]): void => {
        if (++count > calls) throw new Error(`${method} is broken`);
        original(...args);
      },
    });
    return controller;
  };
}

Deno.test("Connection ends with INTERNAL_ERROR when a part of this end breaks, and says so to the peer", () => {
  for (const method of ["onSent", "onCongestion"] as const) {
    const load = new Requests(bulk("down", 3_000_000));
    const pair = new Pair({
      server: { congestion: broken(method, method === "onSent" ? 50 : 0) },
      link: { lossPercent: method === "onCongestion" ? 2 : 0 },
      clientApps: [load.client],
      serverApps: [load.server],
    });
    pair.world.require("the end", () => pair.client.error !== undefined, 20_000);
    const { error } = pair.server;
    assertInstanceOf(error, TransportError);
    assertEquals([error.code, error.reason, error.byPeer], [
      TransportErrorCode.INTERNAL_ERROR,
      `${method} is broken`,
      false,
    ]);
    assertInstanceOf(error.cause, Error);
    assertEquals([pair.client.error?.code, pair.client.error?.byPeer], [TransportErrorCode.INTERNAL_ERROR, true]);
    pair.world.runFor(3000);
    assertEquals(pair.serverNode.endpoint.connections.size, 0);
    // The endpoint lives: it lets the next client in.
    const next = pair.clientNode.connect({ local: CLIENT_ADDRESS, remote: SERVER_ADDRESS, now: pair.world.now });
    pair.world.require("the next client", () => next.state === "connected", pair.world.now + 5000);
  }
});
