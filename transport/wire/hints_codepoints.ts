/**
 * The codepoints of what two ends of this implementation say to each other alone: the hints extension, and the parameter by
 * which both ask for one packet number space. The hints extension is a private one between two ends of this implementation, through which a client tells
 * the server that schedules what it knows of its paths and of its application. The numbers were drawn at random, out of so
 * many that they meet nobody else's (RFC 9000 §22.1.2), and are not registered.
 *
 * All of it is off unless both ends send the transport parameter. Its value is the version of the extension that the end
 * speaks, at least 1; the lower one of the two is in use.
 *
 * | frame             | fields                                                               | sent by |
 * |-------------------|----------------------------------------------------------------------|---------|
 * | HINT_SIGNAL       | name length, name, sequence number, value (IEEE 754 double)          | clients |
 * | HINT_PATH         | path id, sequence number, cost (double), flags, label length, label, | clients |
 * |                   | preference if flagged                                                |         |
 * | HINT_MODE         | sequence number, name length, name                                   | clients |
 * | DATAGRAM_NUMBERED | number, data length, data                                            | both    |
 * | HINT_STREAM_MODE  | stream id, sequence number, name length, name                        | clients |
 *
 * Lengths, ids and numbers are varints. Names have 1 to 32 bytes of UTF-8, labels 0 to 64. In a HINT_STREAM_MODE
 * the name may be empty, which stands for the connection's mode. There are no control characters. Flags are one byte: bit 0
 * says that the path is metered, bit 1, of version 3, that a preference follows, the place in the order in which the application
 * listed its paths; the others are 0. All frames are for 1-RTT packets only, are ack-eliciting, and
 * do not probe. A newer sequence number wins; what comes late is passed over. HINT_STREAM_MODE is of version 2, and opens the
 * stream like any other frame about the sending part of its receiver.
 *
 * @module
 */

/** The transport parameter `hints`. */
export const HINTS_PARAMETER = 0x16a997ddfb8540;

/**
 * The transport parameter `single_space`: the end would number the packets of all paths in one space, acknowledge them with
 * plain ACK frames and seal them with the nonces of RFC 9001, if the other one would too. Without it from both ends, and
 * without multipath, all is as RFC 10069 has it. Its value is a version, at least 1.
 */
export const SINGLE_SPACE_PARAMETER = 0x1bc8fd1124649a;

/** The version of the single space that is spoken here. */
export const SINGLE_SPACE_VERSION = 1;

/** The version of the hints extension that is spoken here. */
export const HINTS_VERSION = 3;
/** The first version that has HINT_STREAM_MODE. */
export const STREAM_MODES_VERSION = 2;

/** The first version whose HINT_PATH may have a preference. */
export const PREFERENCES_VERSION = 3;

/** The value of a signal, newest wins. */
export const HINT_SIGNAL = 0x35bb50e0;
/** What the application says of a path. */
export const HINT_PATH = 0x35bb50e1;
/** The mode that the server is asked to send with. */
export const HINT_MODE = 0x35bb50e2;
/** The mode that the server is asked to send a stream with. */
export const HINT_STREAM_MODE = 0x35bb50e4;
/** A DATAGRAM that may have copies on other paths: the receiver delivers each number once. */
export const DATAGRAM_NUMBERED = 0x35bb50e3;
