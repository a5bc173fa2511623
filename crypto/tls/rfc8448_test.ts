/** The traces of RFC 8448: §3 (simple handshake) and §5 (HelloRetryRequest); and RFC 9001's sample hello (A.2). */
import { assert, assertEquals } from "@std/assert";
import { constants, createPublicKey, type PublicKeyInput, verify } from "node:crypto";
import { nobleProvider } from "../noble_provider.ts";
import { nodeProvider } from "../node_provider.ts";
import { expandLabel } from "../hkdf.ts";
import { AES_128_GCM } from "../suites.ts";
import { publicKeyOf } from "./certificates.ts";
import { ExtensionType, readAlpn, readClientShares, readCode, readServerName, readServerShare } from "./extensions.ts";
import { type Message, MessageBuffer } from "./framing.ts";
import { hex, pair, unhex, words } from "./handshake_fixture_test.ts";
import { KeySchedule } from "./key_schedule.ts";
import * as m from "./messages.ts";
import { signedContent } from "./parameters.ts";
import { Transcript } from "./transcript.ts";

/** RFC 8448 §3, "{server} send handshake record", after EncryptedExtensions: the certificate, which §5 has too. */
const CERTIFICATE =
  `0b0001b9000001b50001b0308201ac30820115a003020102020102300d06092a864886f70d01010b0500300e310c300a06035504
  031303727361301e170d3136303733303031323335395a170d3236303733303031323335395a300e310c300a0603550403130372736130819f300d06
  092a864886f70d010101050003818d0030818902818100b4bb498f8279303d980836399b36c6988c0c68de55e1bdb826d3901a2461eafd2de49a91d0
  15abbc9a95137ace6c1af19eaa6af98c7ced43120998e187a80ee0ccb0524b1b018c3e0b63264d449a6d38e22a5fda430846748030530ef0461c8ca9
  d9efbfae8ea6d1d03e2bd193eff0ab9a8002c47428a6d35a8d88d79f7f1e3f0203010001a31a301830090603551d1304023000300b0603551d0f0404
  030205a0300d06092a864886f70d01010b05000381810085aad2a0e5b9276b908c65f73a7267170618a54c5f8a7b337d2df7a594365417f2eae8f8a5
  8c8f8172f9319cf36b7fd6c55b80f21a03015156726096fd335e5e67f2dbf102702e608ccae6bec1fc63a42a99be5c3eb7107c3c54e9b9eb2bd5203b
  1c3b84e0a8b2f759409ba3eac9d91d402dcc0cc8f8961229ac9187b42b4de10000`;

interface Trace {
  readonly hellos: readonly string[];
  readonly shared: string;
  readonly clientHandshake: string;
  readonly serverHandshake: string;
  readonly flight: string;
  readonly clientApplication: string;
  readonly serverApplication: string;
  readonly exporter: string;
}

const SIMPLE: Trace = {
  hellos: [
    `010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302010000910000000b00090000
     06736572766572ff01000100000a00140012001d0017001800190100010101020103010400230000003300260024001d002099381de560e4bd43d2
     3d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e04030503060302030804080508060401050106010201040
     2050206020202002d00020101001c00024001`,
    `020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e00330024001d0020c9828876112095
     fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304`,
  ],
  shared: "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d",
  clientHandshake: "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
  serverHandshake: "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
  flight: `080000240022000a00140012001d00170018001901000101010201030104001c0002400100000000${CERTIFICATE}
    0f000084080400805a747c5d88fa9bd2e55ab085a61015b7211f824cd484145ab3ff52f1fda8477b0b7abc90db78e2d33a5c141a078653fa6bef78
    0c5ea248eeaaa785c4f394cab6d30bbe8d4859ee511f602957b15411ac027671459e46445c9ea58c181e818e95b8c3fb0bf3278409d3be152a3da5
    043e063dda65cdf5aea20d53dfacd42f74f3140000209b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718`,
  clientApplication: "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
  serverApplication: "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
  exporter: "fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50",
};

const RETRY: Trace = {
  hellos: [
    `010000b00303b0b1c5a5aa37c5919f2ed1d5c6fff7fcb7849716945a2b8cee9258a346677b6f000006130113031302010000810000000b00090000
     06736572766572ff01000100000a00080006001d00170018003300260024001d0020e8e8e3f3b93a25ed97a14a7dcacb8a272c6288e585c6484d05
     262fcad062ad1f002b0003020304000d0020001e040305030603020308040805080604010501060102010402050206020202002d00020101001c00
     024001`,
    `020000ac0303cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c001301000084003300020017002c0074007271dcd0
     4bb88bc3189119398a00000000eefafc76c146b823b096f8aacad365dd0030953f4edf625636e5f21bb2e23fcc654b1b5b40318d10d137abcbb875
     74e36e8a1f025f7dfa5d6e50781b5eda4aa15b0c8be778257d16aa3030e9e7841dd9e4c0342267e8ca0caf571fb2b7cff0f934b0002b00020304`,
    `010001fc0303b0b1c5a5aa37c5919f2ed1d5c6fff7fcb7849716945a2b8cee9258a346677b6f000006130113031302010001cd0000000b00090000
     06736572766572ff01000100000a00080006001d001700180033004700450017004104a6da7392ec591e17abfd535964b99894d13befb221b3def2
     ebe3830eac8f0151812677c4d6d2237e85cf01d6910cfb83954e76ba7352830534159897e8065780002b0003020304000d0020001e040305030603
     020308040805080604010501060102010402050206020202002c0074007271dcd04bb88bc3189119398a00000000eefafc76c146b823b096f8aaca
     d365dd0030953f4edf625636e5f21bb2e23fcc654b1b5b40318d10d137abcbb87574e36e8a1f025f7dfa5d6e50781b5eda4aa15b0c8be778257d16
     aa3030e9e7841dd9e4c0342267e8ca0caf571fb2b7cff0f934b0002d00020101001c00024001001500af${"00".repeat(0xaf)}`,
    `020000770303bb341d847fd789c47c387172dc0c9bf147fccacb5043d86ca4c598d3ff571b9800130100004f003300450017004104583e054b7a66
     672ae020ad9d2686fcc85b5ad41a134a0f03ee72b893052bd85b4c8de6776f5b04ac07d83540eab3e3d9c547bc6528c4317d294686093a6cad7d00
     2b00020304`,
  ],
  shared: "c142ce13ca11b5c2233652e63ad3d97844f1621fbfb9de69d547dc8fedeabeb4",
  clientHandshake: "158aa7ab8855073582b41d674b4055cabcc534728f659314861b4e08e2011566",
  serverHandshake: "3403e781e2af7b6508da28574f6e95a1abf162de83a97927c37672a4a0cef8a1",
  flight: `080000180016000a0008000600170018001d001c0002400100000000${CERTIFICATE}
    0f0000840804008033ab13d4462707231b5dcae6c8190b63d1dabc74f28c395370da0b07e5b83066d0246a31acd95df475bfd799a4a70d33ad93d3
    a317a9b2c0d237a5685b219e774112e391a247607d1aeff1bbd0a39f382ee1a5fe88ae99ec59228e6497e45d48ce275a6d5ef40d169fb6f9d33b05
    2ed3dcdd6b5a48baafffbcb290128415bd38140000208863e6bfb0420a927fa27f34336a70ae426e968e3eb884945b96856dba3976d1`,
  clientApplication: "75ecf4b972525aa0dcd057c9944d4cd5d82671d8843141d7dc2a4ff15a21dc51",
  serverApplication: "5c74f87df04225db0f8209c9de6429e49435fdefa7cad61864874d12f31cfc8d",
  exporter: "7c06d3ae106a3a374ace4837b3985cac67780a6e2c5c04b58319d584df09d223",
};

function split(flight: string): Message[] {
  const buffer = new MessageBuffer();
  buffer.push(unhex(flight));
  const messages: Message[] = [];
  for (let message = buffer.next(() => {}); message !== undefined; message = buffer.next(() => {})) {
    messages.push(message);
  }
  assert(buffer.isEmpty);
  return messages;
}

/** The certificate's key has 1,024 bits, which no provider takes: so the platform is asked. */
function isSigned(content: Uint8Array, certificate: Uint8Array, signature: Uint8Array): boolean {
  const der = publicKeyOf(certificate) as PublicKeyInput["key"];
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  return verify("sha256", content, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
}

for (const provider of [nodeProvider(), nobleProvider()]) {
  for (const [name, trace] of Object.entries({ "§3": SIMPLE, "§5, with a retry": RETRY })) {
    Deno.test(`KeySchedule and Transcript give RFC 8448 ${name} over ${provider.name}`, () => {
      const transcript = new Transcript(provider);
      for (const [i, hello] of trace.hellos.entries()) {
        if (i === 1) transcript.begin("sha256");
        if (i === 1 && trace.hellos.length > 2) transcript.replaceWithHash();
        transcript.add(unhex(hello));
      }
      const schedule = new KeySchedule(provider, AES_128_GCM);
      const secrets = schedule.enterHandshake(unhex(trace.shared), transcript.digest());
      assertEquals(hex(secrets.client), trace.clientHandshake);
      assertEquals(hex(secrets.server), trace.serverHandshake);

      const [extensions, certificate, proof, finished] = split(trace.flight);
      assert(extensions && certificate && proof && finished);
      transcript.add(extensions.raw);
      transcript.add(certificate.raw);
      const { scheme, signature } = m.readCertificateVerify(proof.body);
      assertEquals(scheme, 0x0804);
      const der = m.readCertificate(certificate.body).entries[0]!.certificate;
      assert(isSigned(signedContent(transcript.digest()), der, signature));
      transcript.add(proof.raw);
      assertEquals(m.readFinished(finished.body, 32), schedule.finished(secrets.server, transcript.digest()));
      transcript.add(finished.raw);
      const application = schedule.enterApplication(transcript.digest());
      assertEquals(hex(application.client), trace.clientApplication);
      assertEquals(hex(application.server), trace.serverApplication);
      assertEquals(hex(application.exporter), trace.exporter);
      if (trace === SIMPLE) {
        const verifyData = schedule.finished(secrets.client, transcript.digest());
        assertEquals(hex(verifyData), "a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61");
        assertEquals(
          hex(expandLabel(provider, "sha256", secrets.server, "key", new Uint8Array(), 16)),
          "3fce516009c21727d0f2e4e86ee403bc",
        );
      }
    });
  }
}

Deno.test("readClientHello() and readServerHello() read the messages of RFC 8448, and writing gives the same bytes", () => {
  for (const trace of [SIMPLE, RETRY]) {
    for (const [i, text] of trace.hellos.entries()) {
      const raw = unhex(text);
      const body = raw.subarray(4);
      const written = i % 2 === 0
        ? m.writeClientHello(m.readClientHello(body))
        : m.writeServerHello(m.readServerHello(body));
      assertEquals(hex(written), hex(raw));
    }
    const [extensions, certificate, proof, finished] = split(trace.flight).map(({ body }) => body);
    assert(extensions && certificate && proof && finished);
    const written = [
      m.writeEncryptedExtensions(m.readEncryptedExtensions(extensions)),
      m.writeCertificate(m.readCertificate(certificate)),
      m.writeCertificateVerify(m.readCertificateVerify(proof)),
      m.writeFinished(m.readFinished(finished, 32)),
    ];
    assertEquals(written.map(hex).join(""), hex(unhex(trace.flight)));
  }
});

Deno.test("readServerHello() tells the retry of RFC 8448 §5 and its group and cookie", () => {
  const [, retry, , hello] = RETRY.hellos.map((text) => unhex(text).subarray(4));
  const read = m.readServerHello(retry!);
  assert(m.isRetry(read) && !m.isRetry(m.readServerHello(hello!)));
  assertEquals(readCode(read.extensions.get(ExtensionType.keyShare)!, "key_share"), 0x17);
  assertEquals(read.extensions.get(ExtensionType.cookie)?.length, 0x74);
  assertEquals(hex(m.writeHelloRetryRequest(0x1301, read.extensions)), hex(unhex(RETRY.hellos[1]!)));
  assertEquals(readServerShare(m.readServerHello(hello!).extensions.get(ExtensionType.keyShare)!).key.length, 65);
});

/** RFC 9001 A.2, the CRYPTO frame's contents. */
const QUIC_HELLO =
  `010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c000000010
  000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e00050005010000000000330026002400
  1d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e040305030603020308040805
  0806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51
  57080604 8000ffff`;

Deno.test("createTlsServer() answers RFC 9001's sample ClientHello", async () => {
  const hello = m.readClientHello(unhex(QUIC_HELLO).subarray(4));
  assertEquals(readServerName(hello.extensions.get(ExtensionType.serverName)!), "example.com");
  assertEquals(readAlpn(hello.extensions.get(ExtensionType.alpn)!), ["alpn"]);
  assertEquals(readClientShares(hello.extensions.get(ExtensionType.keyShare)!).map(({ group }) => group), [0x1d]);
  const { server } = await pair({}, { alpnProtocols: ["alpn"] });
  server.receive("initial", unhex(QUIC_HELLO));
  const outputs = [];
  for (let output = server.next(); output !== undefined; output = server.next()) outputs.push(output);
  assertEquals(words(outputs).slice(0, 2), ["parameters", "send initial"]);
  assertEquals(server.serverName, "example.com");
});
