// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import NIOHTTP1
import Testing
import Values

/// To which era a request belongs whose headers and body do not say the same, on an endpoint of both.
@Suite struct EraDetectionTests {
    @Test(arguments: [false, true], [nil, "some session"])
    func aBodyOf20260728WithoutItsHeadersIsRefused(isStateless: Bool, session: String?) async throws {
        try await HTTPTestServer.with(ModernApplication(isStateless: isStateless)) { server in
            let body = ModernRequestText.of("tools/call", #""name":"echo""#)
            let answer = try await server.send(.POST, body, session: session)
            #expect(answer.status == 400 && answer.errorCode == -32_020)
        }
    }

    @Test func aRequestOfASessionWithoutHeadersBelongsToIt() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let session = try await server.begin("2025-03-26")
            let body =
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{"progressToken":1}}}"#
            #expect(try await server.post(body, session: session).status == 200)
        }
    }

    @Test func initializeUnderAnUnknownRevisionNamesThatOne() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            var headers = HTTPTestServer.usualHeaders
            headers.add(name: "mcp-protocol-version", value: "2099-01-01")
            let answer = try await server.send(.POST, HTTPTestServer.initializeBody("2025-06-18"), headers: headers)
            #expect(answer.status == 400 && answer.errorCode == -32_022)
            #expect(try answer.json()["error"]?["data"]?["requested"] == "2099-01-01")
        }
    }

    @Test func initializeUnder20260728IsAMethodThatItDoesNotHave() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            var headers = HTTPTestServer.usualHeaders
            headers.add(name: "mcp-protocol-version", value: "2026-07-28")
            let answer = try await server.send(.POST, HTTPTestServer.initializeBody("2025-06-18"), headers: headers)
            #expect(answer.status == 404 && answer.errorCode == -32_601)
        }
    }

    @Test(arguments: [
        ("tools/call", "tools/call", "echo", #""name":"echo""#, 200),
        ("tools/call", "=?base64?dG9vbHMvY2FsbA==?=", "echo", #""name":"echo""#, 200),
        ("tools/call", "tools/call", "echo", "", 400),
        ("tools/call", "tools/call", "echo", #""name":null"#, 400),
        ("tools/call", "tools/call", "echo", #""name":["echo"]"#, 400),
    ])
    func theHeadersOfAMethodAndItsNameAreComparedAsTheyAreMeant(
        _ method: String, _ methodHeader: String, _ nameHeader: String, _ members: String, _ status: Int
    ) async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            var headers = HTTPTestServer.usualHeaders
            headers.add(name: "mcp-protocol-version", value: "2026-07-28")
            headers.add(name: "mcp-method", value: methodHeader)
            headers.add(name: "mcp-name", value: nameHeader)
            let answer = try await server.send(.POST, ModernRequestText.of(method, members), headers: headers)
            #expect(answer.status == status)
            #expect(status == 200 || answer.errorCode == -32_020)
        }
    }
}
