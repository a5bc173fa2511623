import { formatAddress } from "../base/address.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { TransportConfig } from "../connection/config.ts";
import type { ServerConfig } from "../endpoint/config.ts";
import type { Incoming } from "../endpoint/incoming.ts";
import { type AcceptedModes, acceptedModes } from "./accepted_modes.ts";
import { Conn } from "./conn.ts";
import type { EndpointCore, IncomingSink, OwnHooks } from "./endpoint_core.ts";
import { environmentKeyLog } from "./key_log.ts";
import { checkProtocols, transportConfig } from "./options.ts";
import type {
  NetAddr,
  QuicAcceptOptions,
  QuicConn,
  QuicEndpointLike,
  QuicIncoming,
  QuicListener,
  QuicListenOptions,
} from "./types.ts";

/** Clients that wait to be let in, at most; more are sent away. */
const MAX_WAITING = 256;
/** Further first datagrams of one such client that are kept: a large ClientHello comes in several. */
const MAX_EXTRAS = 4;

/** Milliseconds after which a client that nobody answered is forgotten: it has given up. */
const MAX_WAIT = 15_000;

/** What all connections of a listener have, unless they are let in with something else. */
interface ListenerHooks extends OwnHooks {
  readonly modes: AcceptedModes;
}

interface Reader {
  readonly resolve: (incoming: QuicIncoming) => void;
  readonly reject: (error: Error) => void;
}

interface Acceptor {
  readonly resolve: (conn: QuicConn) => void;
  readonly reject: (error: Error) => void;
}

/** Keeps clients until somebody asks for them. */
export class Listener implements QuicListener, IncomingSink {
  readonly endpoint: QuicEndpointLike;
  readonly #core: EndpointCore;
  readonly #own: ListenerHooks;
  readonly #readers: Reader[] = [];
  /** Who waits for a connection. */
  readonly #acceptors: Acceptor[] = [];
  /** Clients that were let in for them, and whose handshake is under way. */
  #handshakes = 0;
  /** Connections that were complete when nobody waited any more. */
  readonly #accepted: QuicConn[] = [];
  readonly #waiting: WaitingClient[] = [];
  /** Those that are not answered yet, whether taken or not, by who they are. */
  readonly #unanswered = new Map<string, WaitingClient>();
  #stopped = false;

  constructor(core: EndpointCore, options: QuicListenOptions) {
    this.endpoint = core.endpoint;
    this.#core = core;
    this.#own = {
      observer: options.observer,
      keyLog: options.keyLog ?? environmentKeyLog(),
      modes: acceptedModes(options.acceptModes),
    };
  }

  incoming(): Promise<QuicIncoming> {
    const client = this.#waiting.shift();
    if (client !== undefined) return Promise.resolve(client);
    if (this.#stopped) return Promise.reject(stopped());
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  accept(): Promise<QuicConn> {
    const conn = this.#accepted.shift();
    if (conn !== undefined) return Promise.resolve(conn);
    if (this.#stopped) return Promise.reject(stopped());
    return new Promise((resolve, reject) => {
      this.#acceptors.push({ resolve, reject });
      for (const client of this.#waiting.splice(0)) this.#letIn(client);
    });
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    // The handshakes that are under way say themselves how they end.
    for (const { reject } of this.#acceptors.splice(this.#handshakes)) reject(stopped());
    if (this.#core.listener === this) this.#core.listener = undefined;
    for (const client of this.#waiting.splice(0)) client.refuse();
    for (const { reject } of this.#readers.splice(0)) reject(stopped());
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<QuicIncoming, undefined, unknown> {
    while (!this.#stopped || this.#waiting.length > 0) {
      try {
        yield await this.incoming();
      } catch (error) {
        if (this.#stopped) return;
        throw error;
      }
    }
  }

  push(incoming: Incoming): void {
    const key = keyOf(incoming);
    this.#forgetOld();
    const known = this.#unanswered.get(key);
    if (known !== undefined) return known.addExtra(incoming);
    if (this.#unanswered.size >= MAX_WAITING) return this.#core.core.refuse(incoming, this.#core.driver.now());
    const client = new WaitingClient(this.#core, incoming, this.#own, () => this.#unanswered.delete(key));
    this.#unanswered.set(key, client);
    const reader = this.#readers.shift();
    if (reader !== undefined) reader.resolve(client);
    else if (this.#acceptors.length > 0) this.#letIn(client);
    else this.#waiting.push(client);
  }

  /**
   * For `accept`. A client may try several of its addresses beside each other, and gives up all but the one whose handshake is
   * complete first: whoever waits for one handshake at a time would wait for one that never ends, and it for him.
   */
  #letIn(client: WaitingClient): void {
    this.#handshakes += 1;
    const settle = (tell: (acceptor: Acceptor | undefined) => void): void => {
      this.#handshakes -= 1;
      tell(this.#acceptors.shift());
      if (this.#stopped) { for (const { reject } of this.#acceptors.splice(this.#handshakes)) reject(stopped()); }
    };
    client.accept().then(
      (conn) => settle((acceptor) => acceptor === undefined ? this.#accepted.push(conn) : acceptor.resolve(conn)),
      (error) => {
        if (!hasGivenUp(error) || this.#stopped) return settle((acceptor) => acceptor?.reject(error));
        this.#handshakes -= 1;
      },
    );
  }

  /** Whoever takes clients and does not answer them must not keep others out. */
  #forgetOld(): void {
    const before = this.#core.driver.now() - MAX_WAIT;
    for (const [key, client] of this.#unanswered) {
      if (client.since > before) return;
      this.#unanswered.delete(key);
      const index = this.#waiting.indexOf(client);
      if (index >= 0) this.#waiting.splice(index, 1)[0]!.ignore();
    }
  }
}

/** One client that waits for an answer. */
class WaitingClient implements QuicIncoming {
  readonly #core: EndpointCore;
  readonly #incoming: Incoming;
  readonly #own: ListenerHooks;
  readonly #onAnswered: () => void;
  /** When it came. */
  readonly since: number;
  readonly #extras: Incoming[] = [];

  constructor(core: EndpointCore, incoming: Incoming, own: ListenerHooks, onAnswered: () => void) {
    this.#core = core;
    this.#incoming = incoming;
    this.#own = own;
    this.#onAnswered = onAnswered;
    this.since = core.driver.now();
  }

  get localIp(): string {
    return this.#incoming.local.hostname;
  }

  get remoteAddr(): NetAddr {
    const { hostname, port } = this.#incoming.remote;
    return { transport: "udp", hostname, port };
  }

  get remoteAddressValidated(): boolean {
    return this.#incoming.validated;
  }

  accept<ZRTT extends boolean = false>(
    options?: QuicAcceptOptions<ZRTT>,
  ): ZRTT extends true ? QuicConn : Promise<QuicConn> {
    type Result = ZRTT extends true ? QuicConn : Promise<QuicConn>;
    if (options?.zeroRtt === true) return this.#accept(options) as unknown as Result;
    return this.#acceptLater(options) as Result;
  }

  refuse(): void {
    this.#core.core.refuse(this.#incoming, this.#core.driver.now());
    this.#answered();
  }

  ignore(): void {
    this.#core.core.ignore(this.#incoming);
    this.#answered();
  }

  /** The client sent another first datagram, or the same again. */
  addExtra(incoming: Incoming): void {
    if (this.#extras.length < MAX_EXTRAS) this.#extras.push(incoming);
    else this.#core.core.ignore(incoming);
  }

  async #acceptLater(options: QuicAcceptOptions<boolean> | undefined): Promise<QuicConn> {
    const conn = this.#accept(options);
    await conn.handshake;
    return conn;
  }

  #accept(options: QuicAcceptOptions<boolean> = {}): Conn {
    const core = this.#core;
    if (core.isClosed) throw new Error("Cannot accept: the endpoint is closed");
    const server = serverFor(core.server, options);
    const own = { observer: options.observer ?? this.#own.observer, keyLog: options.keyLog ?? this.#own.keyLog };
    const now = core.driver.now();
    const connection = core.make(own, server, () => core.core.accept(this.#incoming, now));
    const { local, remote } = this.#incoming;
    const modes = options.acceptModes === undefined ? this.#own.modes : acceptedModes(options.acceptModes);
    const conn = new Conn(core, connection, { local, remote, modes });
    for (const extra of this.#extras) core.core.receive(extra.datagram, now);
    this.#answered();
    return conn;
  }

  #answered(): void {
    this.#onAnswered();
    this.#extras.length = 0;
    // A refusal is an answer of the endpoint's own.
    this.#core.driver.wake();
  }
}

/** The listener's settings with those of one `accept` in their place. */
function serverFor(usual: ServerConfig | undefined, options: QuicAcceptOptions<boolean>): ServerConfig | undefined {
  if (usual === undefined) return undefined;
  const protocols = options.alpnProtocols === undefined ? undefined : checkProtocols(options.alpnProtocols);
  return {
    ...usual,
    tls: protocols === undefined ? usual.tls : { ...usual.tls, alpnProtocols: protocols },
    transport: { ...usual.transport, ...transportConfig(options), ...acceptConfig(options) },
  };
}

/** Which modes the transport lets a client ask for. */
export function acceptConfig({ acceptModes }: Pick<QuicListenOptions, "acceptModes">): TransportConfig {
  return acceptModes === undefined ? {} : { acceptModes: [...acceptedModes(acceptModes).keys()] };
}

function keyOf(incoming: Incoming): string {
  return `${formatAddress(incoming.remote)} ${incoming.destinationId.join()}`;
}

/** Whether the client's application closed the connection before it was complete (RFC 9000 §10.2.3). */
function hasGivenUp(error: unknown): boolean {
  return error instanceof TransportError && error.byPeer && error.code === TransportErrorCode.APPLICATION_ERROR;
}

function stopped(): Error {
  return new Error("The listener is stopped");
}
