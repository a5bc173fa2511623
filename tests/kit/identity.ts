/**
 * The server of a simulated world: an Ed25519 key and a certificate for `world.test` and `localhost`, valid until 2126. The
 * key is public and good for nothing else. Ed25519 signs without randomness, so that handshakes replay to the byte.
 *
 * @module
 */

/** The private key, PEM. */
export const WORLD_KEY: string = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIGOzgUQBHR4AunwQRtNIbIvavv1n45DKpNMz78rahqYS
-----END PRIVATE KEY-----
`;

/** The certificate, PEM: self-signed, not an authority. */
export const WORLD_CERTIFICATE: string = `-----BEGIN CERTIFICATE-----
MIIBZjCCARigAwIBAgIUfl4idETA/THnGy07GVnAB5klxOowBQYDK2VwMBUxEzAR
BgNVBAMMCndvcmxkLnRlc3QwIBcNMjYxMTIxMDkzODQ1WhgPMjEyNjEwMjgwOTM4
NDVaMBUxEzARBgNVBAMMCndvcmxkLnRlc3QwKjAFBgMrZXADIQDH1blBu+qVI4Rz
wCSJvlMI2SrxWqVVbejbXhUAZF43dqN4MHYwHQYDVR0OBBYEFOLKn9+rq9WpBB+/
QzrqYAE2o6yNMB8GA1UdIwQYMBaAFOLKn9+rq9WpBB+/QzrqYAE2o6yNMCYGA1Ud
EQQfMB2CCndvcmxkLnRlc3SCCWxvY2FsaG9zdIcEfwAAATAMBgNVHRMBAf8EAjAA
MAUGAytlcANBAEiUT3SdJeJDR47meS9PwYKOFm36PLVKdaBMvHXUprFbEwP7gY3v
/StQO8XR3TcPGn/mD/EsS8DLqk0nIKpyrQY=
-----END CERTIFICATE-----
`;

/** The host name in it. */
export const WORLD_NAME = "world.test";

/** A moment at which it is valid: Unix time in milliseconds. */
export const WORLD_TIME: number = Date.UTC(2027, 0, 1);
