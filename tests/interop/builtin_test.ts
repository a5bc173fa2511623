import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { selfSigned } from "../../cli/self_signed.ts";
import { ApplicationError, HandshakeError, type QuicConn, StreamError } from "../../mod.ts";
import {
  ALPN,
  connectBuiltin,
  connectOurs,
  FOREIGN,
  inBothRoles,
  pattern,
  readAll,
  settled,
  withBuiltinServer,
  withOurServer,
  writeAll,
} from "./builtin.ts";

const BULK = 8_000_000;
const UNKNOWN_CA = 48;
const BAD_CERTIFICATE = 42;
const NO_APPLICATION_PROTOCOL = 120;

Deno.test("Built-in QUIC: handshake in both roles", FOREIGN, async () => {
  await inBothRoles(({ ours, theirs }, role) => {
    assertEquals([ours.protocol, theirs.protocol], [ALPN, ALPN]);
    assertEquals(ours.stats().version, "1");
    assertMatch(ours.stats().cipher, /^TLS_/);
    if (role === "server") assertEquals(ours.serverName, "localhost");
    else assertEquals(ours.peerCertificates.length, 1);
    return Promise.resolve();
  });
});

Deno.test("Built-in QUIC: handshake after a Retry", FOREIGN, async () => {
  await withOurServer(async (port, listener, cert) => {
    const [incoming, theirs] = await Promise.all([
      listener.incoming().then(async (found) => ({
        validated: found.remoteAddressValidated,
        conn: await found.accept(),
      })),
      connectBuiltin(port, cert),
    ]);
    assert(incoming.validated);
    theirs.close({ closeCode: 0, reason: "" });
    await settled(incoming.conn.closed);
  }, { retry: true });
});

/** Every stream that the peer opens is sent back. */
async function echo(conn: QuicConn | Deno.QuicConn): Promise<void> {
  const streams = conn.incomingBidirectionalStreams as ReadableStream<Deno.QuicBidirectionalStream>;
  for await (const { readable, writable } of streams) await readable.pipeTo(writable);
}

Deno.test("Built-in QUIC: 8 MB each way on one stream, in both roles", FOREIGN, async () => {
  const data = pattern(BULK, 7);
  await inBothRoles(async ({ ours, theirs }, role) => {
    const [opener, answerer] = role === "client" ? [ours, theirs] : [theirs, ours];
    const echoing = settled(echo(answerer));
    const { readable, writable } = await opener.createBidirectionalStream();
    const [back] = await Promise.all([readAll(readable), writeAll(writable, data)]);
    assertEquals(back.length, BULK);
    assert(equal(back, data));
    ours.close();
    await echoing;
  });
});

Deno.test("Built-in QUIC: fifty streams at once, of both kinds and from both ends", FOREIGN, async () => {
  const size = 50_000;
  await inBothRoles(async ({ ours, theirs }) => {
    const ends = [[ours, theirs], [theirs, ours]] as const;
    await Promise.all(ends.map(async ([from, to]) => {
      const incoming = (to.incomingUnidirectionalStreams as ReadableStream<ReadableStream<Uint8Array>>).getReader();
      const reading = (async () => {
        const sums: number[] = [];
        for (let n = 0; n < 50; n += 1) {
          const bytes = await readAll((await incoming.read()).value!);
          assertEquals(bytes.length, size);
          sums.push(bytes[0]!);
        }
        return sums.sort((a, b) => a - b);
      })();
      for (let n = 0; n < 50; n += 1) {
        const data = new Uint8Array(size).fill(n);
        await writeAll(await from.createUnidirectionalStream({ waitUntilAvailable: true }), data);
      }
      assertEquals(await reading, Array.from({ length: 50 }, (_, n) => n));
    }));
  });
});

Deno.test("Built-in QUIC: datagrams both ways, in both roles", FOREIGN, async () => {
  await inBothRoles(async ({ ours, theirs }) => {
    for (const [from, to] of [[ours, theirs], [theirs, ours]] as const) {
      assert(from.maxDatagramSize >= 1000);
      for (const data of [pattern(1, 3), pattern(100, 4), pattern(1000, 5)]) {
        const arrives = to.readDatagram();
        await from.sendDatagram(data);
        assertEquals(await arrives, data);
      }
    }
    await assertRejects(() => ours.sendDatagram(new Uint8Array(ours.maxDatagramSize + 1)), RangeError);
  });
});

Deno.test("Built-in QUIC: close codes and reasons arrive, in both roles", FOREIGN, async () => {
  await inBothRoles(async ({ ours, theirs }) => {
    ours.close({ closeCode: 4321, reason: "for a reason" });
    const info = await theirs.closed;
    assertEquals({ closeCode: info.closeCode, reason: info.reason }, { closeCode: 4321, reason: "for a reason" });
  });
  await inBothRoles(async ({ ours, theirs }) => {
    const reading = ours.readDatagram();
    theirs.close({ closeCode: 77, reason: "other way" });
    assertEquals(await ours.closed, { closeCode: 77, reason: "other way" });
    const error = await assertRejects(() => reading, ApplicationError);
    assertEquals([error.code, error.byPeer], [77, true]);
  });
});

/** A stream that `opener` opened, at both ends, with one byte that came through. */
async function stream(opener: QuicConn | Deno.QuicConn, answerer: QuicConn | Deno.QuicConn): Promise<Ends> {
  const opened = await opener.createBidirectionalStream();
  const writer = opened.writable.getWriter();
  await writer.write(new Uint8Array([1]));
  writer.releaseLock();
  const incoming = (answerer.incomingBidirectionalStreams as ReadableStream<Deno.QuicBidirectionalStream>).getReader();
  const { value } = await incoming.read();
  incoming.releaseLock();
  return { opened, answered: value! };
}

interface Ends {
  readonly opened: { readonly readable: ReadableStream<Uint8Array>; readonly writable: WritableStream<Uint8Array> };
  readonly answered: { readonly readable: ReadableStream<Uint8Array>; readonly writable: WritableStream<Uint8Array> };
}

async function writeForever(to: WritableStream<Uint8Array>): Promise<void> {
  const writer = to.getWriter();
  while (true) await writer.write(new Uint8Array(10_000));
}

Deno.test("Built-in QUIC: our resets and requests to stop reach it", FOREIGN, async () => {
  await inBothRoles(async ({ ours, theirs }) => {
    const { opened, answered } = await stream(ours, theirs);
    await opened.writable.abort(Object.assign(new Error("changed my mind"), { code: 7 }));
    await assertRejects(() => readAll(answered.readable), Error);
    const writing = assertRejects(() => writeForever(answered.writable), Error);
    await opened.readable.cancel(Object.assign(new Error("enough"), { code: 8 }));
    await writing;
  });
});

Deno.test("Built-in QUIC: its requests to stop reach us", FOREIGN, async () => {
  await inBothRoles(async ({ ours, theirs }) => {
    const { opened, answered } = await stream(theirs, ours);
    const writing = assertRejects(() => writeForever(answered.writable), StreamError);
    await opened.readable.cancel();
    const error = await writing;
    // It cannot give a code; nor can it reset: its streams are ended when they are dropped.
    assertEquals([error.kind, error.code, error.byPeer], ["stopped", 0, true]);
  });
});

Deno.test("Built-in QUIC: our server's certificate is refused with the right alert", FOREIGN, async () => {
  const other = await selfSigned(["localhost"]);
  const elsewhere = await selfSigned(["example.com"]);
  const cases: [Partial<{ cert: string; key: string }>, string, number][] = [
    [{}, other.cert, UNKNOWN_CA],
    [elsewhere, elsewhere.cert, BAD_CERTIFICATE],
  ];
  for (const [served, trusted, alert] of cases) {
    await withOurServer(async (port, listener) => {
      const accepted = assertRejects(() => listener.accept(), HandshakeError);
      await assertRejects(() => connectBuiltin(port, trusted), Error, "certificate");
      const error = await accepted;
      assertEquals([error.alert, error.byPeer], [alert, true]);
    }, served);
  }
});

Deno.test("Built-in QUIC: our client refuses its certificate with the right alert", FOREIGN, async () => {
  const other = await selfSigned(["localhost", "127.0.0.1"]);
  const elsewhere = await selfSigned(["example.com"]);
  const cases: [Partial<{ cert: string; key: string }>, string, number, RegExp][] = [
    [{}, other.cert, UNKNOWN_CA, /certificate.*not trusted/i],
    [elsewhere, elsewhere.cert, BAD_CERTIFICATE, /certificate.*127\.0\.0\.1/i],
  ];
  for (const [served, trusted, alert, message] of cases) {
    await withBuiltinServer(async (port, listener) => {
      const accepted = listener.accept().then(() => "accepted", (error: Error) => error.message);
      const error = await assertRejects(() => connectOurs(port, trusted), HandshakeError);
      assertEquals([error.alert, error.byPeer], [alert, false]);
      assertMatch(error.message, message);
      assertMatch(await accepted, new RegExp(`error ${alert}: Server certificate`));
    }, served);
  }
});

Deno.test(
  "Built-in QUIC: without a protocol in common the handshake ends with no_application_protocol",
  FOREIGN,
  async () => {
    await withOurServer(async (port, listener, cert) => {
      const accepted = assertRejects(() => listener.accept(), HandshakeError);
      await assertRejects(() => connectBuiltin(port, cert, { alpnProtocols: ["other"] }), Error);
      assertEquals((await accepted).alert, NO_APPLICATION_PROTOCOL);
    });
    await withBuiltinServer(async (port, listener, cert) => {
      const accepted = settled(listener.accept());
      const error = await assertRejects(() => connectOurs(port, cert, { alpnProtocols: ["other"] }));
      assertInstanceOf(error, HandshakeError);
      assertEquals([error.alert, error.byPeer], [NO_APPLICATION_PROTOCOL, true]);
      await accepted;
    });
  },
);

Deno.test("Built-in QUIC: an update of our keys goes unnoticed", FOREIGN, async () => {
  await inBothRoles(async ({ ours, theirs }, role) => {
    const [opener, answerer] = role === "client" ? [ours, theirs] : [theirs, ours];
    const echoing = settled(echo(answerer));
    for (let round = 0; round < 3; round += 1) {
      const data = pattern(100_000, round + 1);
      const { readable, writable } = await opener.createBidirectionalStream();
      const [back] = await Promise.all([readAll(readable), writeAll(writable, data)]);
      assert(equal(back, data));
      ours.updateKeys();
    }
    assert(ours.stats().keyUpdates >= 1);
    ours.close();
    await echoing;
  });
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
