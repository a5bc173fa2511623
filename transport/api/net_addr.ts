/** An address of a UDP socket. */
export interface NetAddr {
  /** Always. */
  readonly transport: "udp";
  /** An IP address. */
  readonly hostname: string;
  /** 0 to 65535. */
  readonly port: number;
}
