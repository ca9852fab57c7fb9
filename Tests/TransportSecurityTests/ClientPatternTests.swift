// SPDX-License-Identifier: Apache-2.0

import Sockets
import Testing

@testable import TransportSecurity

private let client: PeerIdentity = {
    var identity = PeerIdentity()
    identity.subject = "CN=gateway-1,O=Example"
    identity.commonName = "gateway-1"
    identity.dnsNames = ["Gateway-1.eu.example.com"]
    identity.ipAddresses = ["10.0.0.5"]
    identity.uris = ["spiffe://example.org/ns/prod/gateway-1"]
    identity.emailAddresses = ["ops@example.com"]
    return identity
}()

@Test(arguments: [
    "gateway-1.eu.example.com", "*.eu.example.com", "gateway-*.eu.example.com", "**.example.com", "**",
    "spiffe://example.org/ns/prod/*", "spiffe://example.org/**", "10.0.0.5", "10.0.0.*", "ops@example.com",
    "cn:gateway-1", "cn:gateway-*", "subject:CN=gateway-1,O=Example", "subject:*O=Example",
])
func aPatternMatchesItsClient(_ text: String) throws {
    #expect(try #require(ClientPattern(text)).matches(client))
}

@Test(arguments: [
    "eu.example.com", "*.example.com", "gateway-1", "*", "spiffe://example.org/*", "spiffe://example.org/ns/prod",
    "spiffe://EXAMPLE.org/ns/prod/gateway-1", "10.0.0", "cn:Gateway-1", "cn:gateway", "cn:Example",
    "subject:CN=gateway-1", "gateway-1.eu.example.com ",
])
func aPatternMatchesNobodyElse(_ text: String) throws {
    #expect(try !#require(ClientPattern(text)).matches(client))
}

@Test func aPatternOfManyStarsTakesNoTimeToSpeakOf() throws {
    let pattern = try #require(ClientPattern("cn:" + String(repeating: "*a", count: 200) + "b"))
    var identity = PeerIdentity()
    identity.commonName = String(repeating: "a", count: 4_000)
    #expect(!pattern.matches(identity))
}

@Test func anIdentityIsReadFromACertificate() throws {
    let certificates = try TestCertificates()
    let names: [CertificateName] = [
        .dns("gateway.test"), .address("10.1.2.3"), .address("2001:db8::1"), .uri("spiffe://test/gateway/a"),
    ]
    let files = try certificates.issue(.client, order: certificates.order(.client, names: names, commonName: "gw"))
    let chain = try CertificateFile(file: TLSFile(key: "certfile", path: files.certificate)).load()
    let identity = PeerIdentity(chain[0].content)
    #expect(identity.subject == "CN=gw,O=Gatehouse")
    #expect(identity.commonName == "gw")
    #expect(identity.dnsNames == ["gateway.test"])
    #expect(identity.ipAddresses == ["10.1.2.3", "2001:db8::1"])
    #expect(identity.spiffeID == "spiffe://test/gateway/a")
}

@Test func twoURIsAreNoSPIFFEID() {
    var identity = PeerIdentity()
    identity.uris = ["spiffe://test/a", "spiffe://test/b"]
    #expect(identity.spiffeID == nil)
    identity.uris = ["https://test/a"]
    #expect(identity.spiffeID == nil)
}
