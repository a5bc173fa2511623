/** Whatever happens to messages on their way, a session ends in a `TlsAlert` or waits; it never completes or breaks. */
import { assert, assertEquals } from "@std/assert";
import { TlsAlert } from "./alerts.ts";
import {
  type Courier,
  isComplete,
  only,
  type Pair,
  pair,
  provider,
  type Sent,
  shake,
} from "./handshake_fixture_test.ts";

/** The messages of a handshake with a retry, so that all kinds are there. */
function retried(): Promise<Pair> {
  return pair({}, { provider: only(provider, undefined, ["secp256r1"]) });
}

async function messages(make: () => Promise<Pair>): Promise<Sent[]> {
  const all: Sent[] = [];
  shake(await make(), (sent) => (all.push(sent), [sent]));
  return all;
}

/** The alert that the handshake ended in; `undefined` when both sides wait for more. */
async function outcome(make: () => Promise<Pair>, courier: Courier): Promise<TlsAlert | undefined> {
  const both = await make();
  try {
    shake(both, courier);
  } catch (error) {
    assert(error instanceof TlsAlert, `${error}`);
    assert(error.alert !== 80, error.stack);
    return error;
  }
  assert(!(isComplete(both.clientOutputs) && isComplete(both.serverOutputs)), "Expected the handshake not to complete");
  return undefined;
}

/** Does something else to the n-th message. */
function at(nth: number, change: (sent: Sent) => readonly Sent[]): Courier {
  let count = 0;
  return (sent) => count++ === nth ? change(sent) : [sent];
}

for (const [name, make] of [["a handshake", pair], ["a handshake with a retry", retried]] as const) {
  Deno.test(`TlsSession ends or waits when a message of ${name} is dropped or comes twice`, async () => {
    const all = await messages(make);
    for (const nth of all.keys()) {
      const dropped = await outcome(make, at(nth, () => []));
      assertEquals(dropped?.alert ?? 10, 10);
      if (nth === all.length - 1) continue; // the same after the end comes at a level that is over
      const twice = await outcome(make, at(nth, (sent) => [sent, sent]));
      // A first ClientHello that comes again is taken for the second.
      assert(twice !== undefined && (twice.alert === 10 || (twice.alert === 47 && nth === 0)), `message ${nth}`);
    }
  });

  Deno.test(`TlsSession ends or waits when messages of ${name} change places`, async () => {
    const all = await messages(make);
    for (const nth of all.keys()) {
      let held: Sent | undefined;
      let count = 0;
      const alert = await outcome(make, (sent) => {
        const index = count++;
        if (index === nth) return held = sent, [];
        if (index === nth + 1 && held !== undefined) return [sent, held];
        return [sent];
      });
      assertEquals(alert?.alert ?? 10, 10);
    }
  });

  Deno.test(`TlsSession ends or waits when a message of ${name} is cut short at any byte`, async () => {
    const all = await messages(make);
    for (const [nth, { data }] of all.entries()) {
      for (let length = 0; length < data.length; length += data.length > 200 ? 17 : 3) {
        await outcome(make, at(nth, (sent) => [{ ...sent, data: sent.data.subarray(0, length) }]));
      }
    }
  });

  Deno.test(`TlsSession ends when a message of ${name} is shorter than it says inside`, async () => {
    const all = await messages(make);
    for (const [nth, { data }] of all.entries()) {
      for (let length = 4; length < data.length; length += data.length > 200 ? 11 : 3) {
        const short = await outcome(
          make,
          at(nth, (sent) => {
            const data = sent.data.slice(0, length);
            data.set([0, (length - 4) >> 8, (length - 4) & 0xff], 1);
            return [{ ...sent, data }];
          }),
        );
        assert(short !== undefined, `message ${nth} cut to ${length}`);
      }
    }
  });

  Deno.test(`TlsSession never completes when a bit of ${name} is flipped`, async () => {
    const all = await messages(make);
    for (const [nth, { data }] of all.entries()) {
      const step = Math.max(1, Math.floor(data.length / 40));
      for (let index = 0; index < data.length; index += step) {
        await outcome(
          make,
          at(nth, (sent) => {
            const data = sent.data.slice();
            data[index]! ^= 1 << ((index * 5 + nth) & 7);
            return [{ ...sent, data }];
          }),
        );
      }
    }
  });
}
