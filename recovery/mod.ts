/**
 * Loss recovery and congestion control (RFC 9002), ignorant of frames and sockets. Time is a parameter everywhere;
 * times are in milliseconds and sizes in bytes.
 *
 * @module
 */
export * from "./ack_delays.ts";
export * from "./ack_policy.ts";
export * from "./congestion/controller.ts";
export * from "./congestion/controllers.ts";
export * from "./congestion/cubic.ts";
export * from "./congestion/hystart.ts";
export * from "./congestion/new_reno.ts";
export * from "./congestion/recovery_period.ts";
export * from "./delivery_rate.ts";
export * from "./early_acks.ts";
export * from "./ecn.ts";
export * from "./flight_end.ts";
export * from "./loss.ts";
export * from "./pacer.ts";
export * from "./packet_number_space.ts";
export * from "./persistent.ts";
export * from "./pto.ts";
export * from "./ranges.ts";
export * from "./received_packets.ts";
export * from "./route_flight.ts";
export * from "./rtt.ts";
export * from "./sent_packets.ts";
export * from "./space_layout.ts";
