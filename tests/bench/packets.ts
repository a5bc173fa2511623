import { nobleProvider } from "../../crypto/noble_provider.ts";
import { nodeProvider } from "../../crypto/node_provider.ts";
import { PacketProtection } from "../../crypto/packet_protection.ts";
import { hashLength } from "../../crypto/suites.ts";
import { medians, type Packets } from "./figures.ts";

const PACKET = 1200;
const HEADER = 10;
const NUMBER_LENGTH = 2;
const TAG = 16;

/** Protection of packets of 1200 bytes, header protection included, for each provider and suite. */
export function measurePackets(rounds: number, batch: number): Packets[] {
  const found: Packets[] = [];
  for (const provider of [nobleProvider(), nodeProvider()]) {
    for (const suite of provider.suites) {
      const keys = new PacketProtection(provider, suite, new Uint8Array(hashLength(suite.hash)).fill(7));
      run(keys, batch);
      const { seal, open } = medians(Array.from({ length: rounds }, () => run(keys, batch)));
      found.push({ provider: provider.name, suite: suite.name, seal, open });
    }
  }
  return found;
}

/** Microseconds a packet. */
function run(keys: PacketProtection, batch: number): { seal: number; open: number } {
  const numberAt = HEADER - NUMBER_LENGTH;
  const packets = Array.from({ length: batch }, (_, n) => {
    const packet = new Uint8Array(PACKET).fill(n);
    packet[0] = 0x40 | (NUMBER_LENGTH - 1);
    return packet;
  });
  const sealing = performance.now();
  for (let n = 0; n < batch; n += 1) keys.seal(packets[n]!, 0, numberAt, NUMBER_LENGTH, PACKET - TAG, 0, n);
  const opening = performance.now();
  for (let n = 0; n < batch; n += 1) {
    keys.header.remove(packets[n]!, 0, numberAt, PACKET);
    if (keys.open(packets[n]!, 0, HEADER, PACKET, 0, n) < 0) throw new Error("A packet did not open");
  }
  const done = performance.now();
  return { seal: (opening - sealing) * 1000 / batch, open: (done - opening) * 1000 / batch };
}
