import { assertEquals } from "@std/assert";
import type { Address, Datagram, Transmit } from "../../transport/base/address.ts";
import type { ConnectionEvent } from "../../transport/connection/events.ts";
import { EndpointNode, type NodeConnection, type NodeEndpoint } from "./endpoint_node.ts";

const A: Address = { hostname: "a", port: 1 };
const B: Address = { hostname: "b", port: 2 };

class FakeConnection implements NodeConnection {
  state = "connected";
  toSend = 0;
  timeout = Infinity;
  readonly log: string[] = [];
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  transmit(_now: number, buffer: Uint8Array): Transmit | undefined {
    if (this.toSend === 0) return undefined;
    this.toSend--;
    buffer[0] = this.name.charCodeAt(0);
    return { local: A, remote: B, length: 1, segment: 1, ecn: "not-ect" };
  }

  nextTimeout(): number {
    return this.timeout;
  }

  handleTimeout(now: number): void {
    this.log.push(`timeout ${now}`);
  }

  onSendError(_local: Address, remote: Address, error: string, now: number): void {
    this.log.push(`${error} ${remote.hostname} ${now}`);
  }

  events: ConnectionEvent[] = [];
  nextEvent(): ConnectionEvent | undefined {
    return this.events.shift();
  }
  openStream(): number | undefined {
    return undefined;
  }
  write(): number {
    return 0;
  }
  finish(): void {}
  read(): undefined {
    return undefined;
  }
}

class FakeEndpoint implements NodeEndpoint<FakeConnection, string> {
  answers = 0;
  timeout = Infinity;
  timeouts = 0;

  receive(datagram: Datagram): { readonly kind: "incoming"; readonly incoming: string } | { readonly kind: "none" } {
    return datagram.data[0] === 1 ? { kind: "incoming", incoming: "new" } : { kind: "none" };
  }

  transmit(_now: number, buffer: Uint8Array): Transmit | undefined {
    if (this.answers === 0) return undefined;
    this.answers--;
    buffer[0] = 0x65;
    return { local: A, remote: B, length: 1, segment: 1, ecn: "not-ect" };
  }

  nextTimeout(): number {
    return this.timeout;
  }

  handleTimeout(): void {
    this.timeouts++;
  }
}

function drain(node: EndpointNode<FakeConnection, string>): string {
  const buffer = new Uint8Array(10);
  let sent = "";
  while (node.transmit(0, buffer) !== undefined) sent += String.fromCharCode(buffer[0] ?? 0);
  return sent;
}

Deno.test("EndpointNode accepts what its owner accepts, and looks after it", () => {
  const accepted: string[] = [];
  const node = new EndpointNode(new FakeEndpoint(), (incoming: string, now) => {
    accepted.push(`${incoming} ${now}`);
    return new FakeConnection("x");
  });
  node.receive({ data: new Uint8Array([1]), local: A, remote: B, ecn: "not-ect" }, 5);
  node.receive({ data: new Uint8Array([2]), local: A, remote: B, ecn: "not-ect" }, 6);
  assertEquals([accepted, node.connections.length], [["new 5"], 1]);
  const refusing = new EndpointNode<FakeConnection, string>(new FakeEndpoint());
  refusing.receive({ data: new Uint8Array([1]), local: A, remote: B, ecn: "not-ect" }, 5);
  assertEquals(refusing.connections.length, 0);
});

Deno.test("EndpointNode sends the endpoint's answers, then each connection's", () => {
  const endpoint = new FakeEndpoint();
  const node = new EndpointNode<FakeConnection, string>(endpoint);
  const [p, q] = [new FakeConnection("p"), new FakeConnection("q")];
  node.add(p);
  node.add(q);
  [endpoint.answers, p.toSend, q.toSend] = [1, 2, 2];
  assertEquals(drain(node), "eppqq");
  assertEquals(drain(node), "");
  q.toSend = 1;
  assertEquals(drain(node), "q");
});

Deno.test("EndpointNode calls only those whose time has come, and tells only the sender of a failed send", () => {
  const endpoint = new FakeEndpoint();
  const node = new EndpointNode<FakeConnection, string>(endpoint);
  const [p, q] = [new FakeConnection("p"), new FakeConnection("q")];
  node.add(p);
  node.add(q);
  [endpoint.timeout, p.timeout, q.timeout] = [20, 10, 30];
  assertEquals(node.nextTimeout(), 10);
  node.handleTimeout(10);
  assertEquals([endpoint.timeouts, p.log, q.log], [0, ["timeout 10"], []]);
  q.toSend = 1;
  node.transmit(10, new Uint8Array(10));
  node.onSendError(A, B, "unreachable", 10);
  assertEquals([p.log.length, q.log], [1, ["unreachable b 10"]]);
});

Deno.test("EndpointNode hands events to the applications and leaves closed connections alone", () => {
  const node = new EndpointNode<FakeConnection, string>(new FakeEndpoint());
  const connection = new FakeConnection("p");
  const seen: string[] = [];
  node.add(connection, { isDone: true, onEvent: (event, _, now) => seen.push(`${event.type} ${now}`) });
  connection.events.push({ type: "connected", alpn: "x" });
  node.runApps(3);
  assertEquals(seen, ["connected 3"]);
  connection.state = "closed";
  connection.timeout = 1;
  drain(node);
  assertEquals(node.nextTimeout(), Infinity);
  assertEquals(node.connections.length, 1);
});
