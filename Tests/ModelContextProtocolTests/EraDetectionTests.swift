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

    /// An unknown revision is named; in the other era it is a method that there is not.
    @Test(arguments: [("2099-01-01", 400, -32_022, "2099-01-01"), ("2026-07-28", 404, -32_601, nil)])
    func initializeUnderAnotherRevisionIsRefused(
        _ version: String, _ status: Int, _ code: Int64, _ requested: Value?
    ) async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            var headers = HTTPTestServer.usualHeaders
            headers.add(name: "mcp-protocol-version", value: version)
            let answer = try await server.send(.POST, HTTPTestServer.initializeBody("2025-06-18"), headers: headers)
            #expect(answer.status == status && answer.errorCode == code)
            #expect(try answer.json()["error"]?["data"]?["requested"] == requested)
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
