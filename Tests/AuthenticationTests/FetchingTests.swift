// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import Values

@testable import Authentication

@Suite("Addresses of keys and tokens")
struct SecureAddressTests {
    @Test(
        "TLS, or this machine",
        arguments: [
            "https://idp.example.com/keys", "http://localhost:8080/keys", "http://127.0.0.1/", "http://127.9.8.7:1/",
            "http://[::1]:9/", "HTTPS://10.0.0.1",
        ])
    func takes(text: String) {
        #expect(throws: Never.self) { try SecureAddress(text) }
    }

    @Test(
        "Nothing else",
        arguments: [
            "http://idp.example.com/keys", "http://10.0.0.1/", "http://127.0.0.1.example.com/", "http://127.1/",
            "http://localhost.example.com/", "http://0x7f.0.0.1/", "http://2130706433/", "http://user@localhost/",
            "http://user:password@localhost/", "https://a@b/", "file:///etc/passwd", "ftp://localhost/", "",
            "localhost",
            "http://[::ffff:10.0.0.1]/", "http://0.0.0.0/", "https:///x", "http://localhost@evil.example.com/",
        ])
    func refuses(text: String) {
        #expect(throws: KeyError.self) { try SecureAddress(text) }
    }
}

@Suite("Keys over HTTP and from files")
struct KeyFetchingTests {
    private func error(_ answer: @escaping TestService.Answer) async throws -> String {
        try await TestService.run(answering: answer) { _, base, client in
            do throws(KeyError) {
                let address = try SecureAddress(base + "/keys")
                return try await
                    "\(client.get(address, timeout: .seconds(20), maximumSize: KeySet.maximumDocumentSize).count)"
            } catch {
                return error.message
            }
        }
    }

    @Test("A set is fetched from its URL, and a token of one of its keys is taken")
    func fetches() async throws {
        let document = Value.object(["keys": [TestKeys.p256Entry(kid: "a")]]).description
        try await TestService.run(answering: { _ in .json(document) }) { service, base, client in
            let keys = PublishedKeys(
                at: try SecureAddress(base + "/keys?x=1"), times: PublishedKeysTimes(), client: client,
                logger: Logger(label: "test"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await keys.run() }
                let key = try await keys.key("a", .es256)
                #expect(key.algorithm == .es256)
                group.cancelAll()
            }
            let seen = service.requests.withLock { $0.map { "\($0.method.rawValue) \($0.target)" } }
            #expect(seen == ["GET /keys?x=1"])
        }
    }

    @Test("Redirects are not followed, errors are told, and a document without end is not read to its end")
    func refusals() async throws {
        let redirect = try await error { _ in
            HTTPServerResponse(status: .found, headers: ["location": "http://169.254.169.254/latest"])
        }
        #expect(redirect.contains("302") && redirect.contains("redirects are not followed"))
        #expect(try await error { _ in .json("{}", status: .internalServerError) }.contains("500"))
        let long = String(repeating: " ", count: KeySet.maximumDocumentSize + 1)
        #expect(try await !error { _ in .json(long) }.contains("262145"))
    }

    @Test("A file is read up to its greatest size, and nothing but a file")
    func files() throws {
        #expect(throws: KeyError.self) { try KeyFile.read("/nowhere/keys") }
        #expect(throws: KeyError.self) { try KeyFile.read("/") }
        #expect(throws: KeyError.self) { try KeyFile.read("/dev/zero") }
    }
}

@Suite("Tokens of the gateway's own")
struct UpstreamTokenTests {
    private static func credentials(_ base: String) throws(KeyError) -> ClientCredentials {
        ClientCredentials(
            endpoint: try SecureAddress(base + "/token"), clientID: "gate house", clientSecret: "s:e%c+r&t")
    }

    private static func granted(_ token: String, lifetime: Int = 3_600) -> HTTPServerResponse {
        .json(#"{"access_token":"\#(token)","token_type":"bearer","expires_in":\#(lifetime)}"#)
    }

    @Test("The request says who asks, in the header or in the form, escaped as the RFC has it")
    func requests() throws {
        var credentials = try Self.credentials("https://idp")
        credentials.scopes = ["a", "b"]
        credentials.resource = "https://up/mcp"
        let basic = TokenRequest.request(credentials)
        #expect(
            String(buffer: basic.body)
                == "grant_type=client_credentials&scope=a+b&resource=https%3A%2F%2Fup%2Fmcp")
        // "gate+house:s%3Ae%25c%2Br%26t"
        #expect(basic.headers["authorization"] == ["Basic Z2F0ZStob3VzZTpzJTNBZSUyNWMlMkJyJTI2dA=="])
        credentials.authentication = .post
        credentials.scopes = []
        credentials.resource = nil
        credentials.audience = "up"
        let post = TokenRequest.request(credentials)
        #expect(
            String(buffer: post.body)
                == "grant_type=client_credentials&audience=up&client_id=gate+house&client_secret=s%3Ae%25c%2Br%26t")
        #expect(post.headers["authorization"].isEmpty)
    }

    @Test(
        "An answer that gives no bearer token is refused, and says nothing that a log should not have",
        arguments: [
            (200, "{}", "without an access_token"), (200, "x", "without an access_token"),
            (200, #"{"access_token":"a b","token_type":"bearer"}"#, "no bearer token"),
            (200, #"{"access_token":"a\r\nX-Evil: 1","token_type":"bearer"}"#, "no bearer token"),
            (200, #"{"access_token":"","token_type":"bearer"}"#, "no bearer token"),
            (200, #"{"access_token":"a","token_type":"mac"}"#, "another type"),
            (200, #"{"access_token":"a"}"#, "another type"),
            (200, #"{"access_token":"a","token_type":"bearer","expires_in":"soon"}"#, "expires_in"),
            (200, #"{"access_token":"a","token_type":"bearer","expires_in":-1}"#, "expires_in"),
            (200, #"{"access_token":"a","access_token":"b","token_type":"bearer"}"#, "without an access_token"),
            (400, #"{"error":"invalid_client","error_description":"no\n such"}"#, "invalid_client (no? such)"),
            (302, "", "answered with 302"), (500, "secret page", "answered with 500"),
        ])
    func refusals(status: Int, body: String, expected: String) {
        let error = #expect(throws: KeyError.self) {
            try TokenRequest.read(HTTPResponseStatus(statusCode: status), ByteBuffer(string: body))
        }
        #expect(error?.message.contains(expected) == true && error?.message.contains("secret page") == false)
    }

    @Test("How long a token is good may be a number, text, or left out")
    func lifetimes() throws {
        func lifetime(_ text: String) throws -> Int64 {
            try TokenRequest.read(
                .ok, ByteBuffer(string: #"{"access_token":"a","token_type":"Bearer"\#(text)}"#)
            ).lifetime
        }
        #expect(try lifetime(#","expires_in":60"#) == 60)
        #expect(try lifetime(#","expires_in":"60""#) == 60)
        #expect(try lifetime("") == TokenRequest.assumedLifetime)
        #expect(try lifetime(#","expires_in":9223372036854775807"#) == 1 << 32)
    }

    @Test("Many calls get one token, and another one when the service did not take it")
    func cache() async throws {
        let count = Atomic(0)
        try await TestService.run(answering: { _ in
            Self.granted("t\(count.wrappingAdd(1, ordering: .relaxed).newValue)")
        }) { service, base, client in
            let token = UpstreamToken(try Self.credentials(base), client: client, logger: Logger(label: "test"))
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 { group.addTask { try await token.current() } }
                for try await value in group { #expect(value == "t1") }
            }
            token.reject("another")
            #expect(try await token.current() == "t1")
            token.reject("t1")
            #expect(try await token.current() == "t2")
            token.reject("t1")
            #expect(try await token.current() == "t2", "an old refusal does not cost the new token")
            #expect(service.requests.withLock { $0.count } == 2)
        }
    }

    @Test("A token that has ended is got again")
    func expiry() async throws {
        let count = Atomic(0)
        try await TestService.run(answering: { _ in
            Self.granted("t\(count.wrappingAdd(1, ordering: .relaxed).newValue)", lifetime: 0)
        }) { _, base, client in
            let token = UpstreamToken(try Self.credentials(base), client: client, logger: Logger(label: "test"))
            // Good for no time at all: each call gets its own, instead of none.
            #expect(try await token.current() == "t1")
            #expect(try await token.current() == "t2")
        }
    }

    @Test("A refusal is told to all who wait, and the server is not asked by every call")
    func failure() async throws {
        try await TestService.run(answering: { _ in .json(#"{"error":"invalid_client"}"#, status: .unauthorized) }) {
            service, base, client in
            let token = UpstreamToken(try Self.credentials(base), client: client, logger: Logger(label: "test"))
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        let error = await #expect(throws: KeyError.self) { try await token.current() }
                        #expect(error?.message.contains("invalid_client") == true)
                        #expect(error?.message.contains("s:e%c+r&t") == false)
                    }
                }
            }
            #expect(service.requests.withLock { $0.count } < 20)
        }
    }
}
