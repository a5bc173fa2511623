import { AckDelays } from "../../recovery/ack_delays.ts";
import {
  type CongestionController,
  type CongestionPath,
  type CongestionSibling,
  type ControllerFactory,
  INITIAL_WINDOW_PACKETS,
} from "../../recovery/congestion/controller.ts";
import { DeliveryRate } from "../../recovery/delivery_rate.ts";
import { EcnValidator } from "../../recovery/ecn.ts";
import { FlightEnd } from "../../recovery/flight_end.ts";
import { Pacer, pacingRate } from "../../recovery/pacer.ts";
import { Pto } from "../../recovery/pto.ts";
import { Rtt } from "../../recovery/rtt.ts";
import { type Address, sameAddress } from "../base/address.ts";
import { Amplification } from "./amplification.ts";
import { MtuProbe } from "./mtu.ts";

/** What a new route is made of. */
export interface RouteOptions {
  readonly number: number;
  readonly local: Address;
  readonly remote: Address;
  /** Whether the remote address is known to be good: always so at a client. */
  readonly validated: boolean;
  readonly initialRtt: number;
  readonly maxUdpPayload: number;
  /** Packets in the first window. */
  readonly initialWindowPackets?: number | undefined;
  readonly congestion: ControllerFactory;
  /** The other routes' windows, for coupled controllers. */
  readonly siblings: () => readonly CongestionSibling[];
  /** A route whose estimates are taken over: only the peer's port changed (RFC 9000 §9.4). */
  readonly heir?: Route | undefined;
}

/** The indexes of {@linkcode Route.lossAt} and {@linkcode Route.probes}. */
export const LEVEL_INDEX: Readonly<Record<"initial" | "early" | "handshake" | "application", number>> = {
  initial: 0,
  handshake: 1,
  early: 2,
  application: 2,
};

/** What a packet counts in {@linkcode Route.lossRate}: a mean over about a hundred. */
const LOSS_GAIN = 1 / 100;
/** What a gap counts in {@linkcode Route.ackGap}. */
const GAP_GAIN = 1 / 8;

/**
 * A 4-tuple in use by a path, with all that belongs to the way through the network and not to the path id: round-trip time,
 * congestion window, pacing, MTU, ECN, address validation (RFC 9000 §9.4). A path that migrates gets a new route.
 */
export class Route {
  /** Unique in the connection; never used again. */
  readonly number: number;
  readonly local: Address;
  readonly remote: Address;
  readonly rtt: Rtt;
  readonly controller: CongestionController;
  readonly pacer: Pacer;
  readonly mtu: MtuProbe;
  readonly amplification: Amplification;
  readonly ecn: EcnValidator;
  readonly delivery: DeliveryRate = new DeliveryRate();
  readonly pto: Pto = new Pto();
  /** Of the peer, as far as they are not in the round-trip time. */
  readonly ackDelays: AckDelays;
  /** Of what comes in. */
  readonly flightEnd: FlightEnd;
  /** When the loss detector wants to look again, by level; Infinity: not at all. */
  readonly lossAt: number[] = [Infinity, Infinity, Infinity];
  /** PTO probes that are owed, by level. */
  readonly probes: number[] = [0, 0, 0];
  /** Bytes in flight, over all levels. */
  inFlight = 0;
  /** Whether the window, rather than a lack of data, held the sender back of late. */
  windowLimited = false;
  /** Whether there was no connection id of the peer's to send with, and nothing has changed since. */
  isMute = false;
  /** The connection id of ours to which the peer last sent over it. */
  lastDestinationId: Uint8Array | undefined;
  bytesSent = 0;
  bytesReceived = 0;
  packetsLost = 0;
  /** Ack-eliciting packets declared lost that were acknowledged after all. */
  spuriousLosses = 0;
  /** The RTT sample that the controller is to hear of with the next acknowledgement; `Infinity`: none. */
  sample = Infinity;
  /** When a packet was last newly acknowledged; `-Infinity`: never. */
  lastAckAt = -Infinity;
  /** The path on which acknowledgements come that give samples of the round-trip time; -1: there was none. */
  ackedOn = -1;
  /** Another path on which the last one came; -1: it came there. */
  ackedAlsoOn = -1;
  /** Mean time between acknowledgements with news, each counted as a round trip at most; 0: not known yet. */
  ackGap = 0;
  /** Share of packets lost of late, 0 to 1. */
  lossRate = 0;
  /** The MTU that window and pacer know of; 0: none yet. */
  notedMtu = 0;

  constructor(options: RouteOptions) {
    this.number = options.number;
    this.local = options.local;
    this.remote = options.remote;
    this.rtt = options.heir?.rtt ?? new Rtt(options.initialRtt);
    this.mtu = options.heir?.mtu ?? new MtuProbe({ ceiling: options.maxUdpPayload });
    this.amplification = new Amplification(options.validated);
    this.pacer = options.heir?.pacer ?? new Pacer(this.mtu.current);
    this.ecn = options.heir?.ecn ?? new EcnValidator();
    this.ackDelays = options.heir?.ackDelays ?? new AckDelays();
    this.flightEnd = options.heir?.flightEnd ?? new FlightEnd();
    if (options.heir !== undefined) {
      this.controller = options.heir.controller;
      return;
    }
    const { mtu, rtt } = this;
    const path: CongestionPath = {
      get mtu(): number {
        return mtu.current;
      },
      rtt,
      initialWindowPackets: options.initialWindowPackets ?? INITIAL_WINDOW_PACKETS,
      get siblings(): readonly CongestionSibling[] {
        return options.siblings();
      },
    };
    this.controller = options.congestion(path);
  }

  get validated(): boolean {
    return this.amplification.validated;
  }

  /** Bytes that may go to the address now, whatever the window says: none without an id to send with, else RFC 9000 §8.1. */
  get allowance(): number {
    return this.isMute ? 0 : this.amplification.room;
  }

  /** Tells window and pacer of the MTU; whether it has changed since the last time. */
  noteMtu(): boolean {
    const { current } = this.mtu;
    if (current === this.notedMtu) return false;
    this.notedMtu = current;
    this.pacer.setMtu(current);
    this.controller.onMtu?.(current);
    return true;
  }

  /** Whether the window has room for one more full packet. */
  get hasWindow(): boolean {
    return this.inFlight + this.mtu.current <= this.controller.cwnd;
  }

  /**
   * Whether the amplification limit has room for a full packet: what does not fit into the rest of an allowance would stand
   * in the way of all that could go elsewhere.
   */
  get hasAllowance(): boolean {
    return this.allowance >= this.mtu.current;
  }

  /** Bytes that may leave now under the window, the pacer and the amplification limit; less than a packet is nothing. */
  room(now: number): number {
    if (!this.hasWindow) return 0;
    const paced = this.pacer.room(now);
    if (paced < this.mtu.current || !this.hasAllowance) return 0;
    return Math.min(this.controller.cwnd - this.inFlight, paced, this.allowance);
  }

  /** The pacer's rate follows the window and the round-trip time. */
  updatePacing(now: number): void {
    this.pacer.setRate(pacingRate(this.controller, this.rtt), now);
  }

  /**
   * So many packets were newly acknowledged at once, the newest of them sent at that time. An acknowledgement that came over
   * another path (`isEcho`) may be an old one that is repeated there: it shows that the route worked when the packet arrived.
   */
  noteAcked(packets: number, newestSentAt: number, isEcho: boolean, now: number): void {
    this.lossRate *= (1 - LOSS_GAIN) ** packets;
    const gap = Math.min(now - this.lastAckAt, this.rtt.smoothed);
    // What comes at the same moment is one acknowledgement, in several frames; the first of all has no gap before it.
    if (gap > 0 && this.lastAckAt > -Infinity) {
      this.ackGap = this.ackGap === 0 ? gap : this.ackGap + (gap - this.ackGap) * GAP_GAIN;
    }
    const at = isEcho ? Math.min(now, newestSentAt + this.rtt.smoothed) : now;
    if (at > this.lastAckAt) this.lastAckAt = at;
  }

  /**
   * Whether an acknowledgement that came on that path tells the round-trip time. One path brings them as a rule: another one
   * makes another round trip, of which the least is not known (RFC 10069 §5.4), and counts once it has brought two in a row,
   * since single ones are repetitions.
   */
  takesSampleFrom(path: number): boolean {
    if (path !== this.ackedOn) {
      const isFirst = this.ackedOn < 0;
      if (!isFirst && path !== this.ackedAlsoOn) {
        this.ackedAlsoOn = path;
        return false;
      }
      if (!isFirst) this.rtt.restartMin();
      this.ackedOn = path;
    }
    this.ackedAlsoOn = -1;
    return true;
  }

  /** So many packets were declared lost. */
  noteLost(packets: number): void {
    this.lossRate = 1 - (1 - this.lossRate) * (1 - LOSS_GAIN) ** packets;
  }

  is(local: Address, remote: Address): boolean {
    return sameAddress(this.remote, remote) && sameAddress(this.local, local);
  }
}
