import { initialSecrets } from "../../crypto/initial_keys.ts";
import { KeyRing } from "../../crypto/key_ring.ts";
import type { CryptoProvider } from "../../crypto/provider.ts";
import { AES_128_GCM } from "../../crypto/suites.ts";
import { PacketDraft } from "../connection/packet_draft.ts";

const SIZE = 128;
const NO_TOKEN = new Uint8Array(0);

/** An Initial packet with CONNECTION_CLOSE, for a client that gets no connection (RFC 9000 §5.2.2). */
export function closeInitial(
  provider: CryptoProvider,
  initialDestination: Uint8Array,
  clientSource: Uint8Array,
  sourceId: Uint8Array,
  code: number,
): Uint8Array {
  const keys = new KeyRing(provider);
  keys.install("initial", "write", AES_128_GCM, initialSecrets(provider, initialDestination).server);
  const buffer = new Uint8Array(SIZE);
  const draft = new PacketDraft();
  draft.begin({
    level: "initial",
    path: 0,
    route: 0,
    now: 0,
    buffer,
    start: 0,
    limit: SIZE,
    destinationId: clientSource,
    sourceId,
    token: NO_TOKEN,
    number: 0,
    largestAcked: -1,
    fixedBit: true,
    traced: false,
  });
  draft.write({ kind: "connection_close", application: false, code, frameType: 0, reason: "" });
  draft.finish();
  const { payloadEnd, numberAt, numberLength } = draft;
  return buffer.subarray(0, keys.seal("initial", buffer, 0, numberAt, numberLength, payloadEnd, 0, 0));
}
