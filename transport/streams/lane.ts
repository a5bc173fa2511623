/**
 * Streams and datagrams that go by one mode of their own. What is said of no lane goes by the connection's mode. Streams know
 * nothing of modes: a lane is only an account of what waits in it.
 */
export class Lane {
  /** Bytes of its streams that the application wrote and that were never sent; `SendWork` counts them. */
  backlog: number = 0;
  /** Bytes of its streams that are lost and not sent again yet; `SendWork` counts them. */
  lost: number = 0;
  /** Streams whose sending part is not over, and datagrams that wait. */
  members: number = 0;
}
