// SPDX-License-Identifier: Apache-2.0

import Testing
import Values

@testable import Gateway

@Suite("URIs towards clients")
struct ResourceNamesTests {
    private let names = ResourceNames(prefixes: ["git", "my-time"])

    @Test(
        "A URI comes back as it was",
        arguments: ["file:///a b", "https://h/x?y#z", "a+b:c", "git+file:///x", "", "{scheme}://{+rest}", "x:\u{E9}"])
    func roundTrip(uri: String) {
        for upstream in 0...1 {
            let found = names.resolve(names.exposed(uri, of: upstream))
            #expect(found?.upstream == upstream)
            #expect(found?.original.hasSameBytes(as: uri) == true)
        }
    }

    @Test("A client may have changed the case of the scheme", arguments: ["GIT+file:///A", "Git+file:///A"])
    func normalisedScheme(uri: String) {
        #expect(names.resolve(uri)?.original == "file:///A")
    }

    @Test(
        "What is nobody's is not found",
        arguments: ["file:///a", "other+file:///a", "", "git", "git:+x", "ｇit+file:///a"])
    func unknown(uri: String) {
        #expect(names.resolve(uri) == nil)
    }

    @Test("Links and embedded resources of results are rewritten, and nothing else")
    func rewritesResults() {
        let result: Value = [
            "content": [
                ["type": "text", "text": "see file:///a", "uri": "file:///a"],
                ["type": "resource_link", "uri": "file:///a", "name": "a", "x": 1],
                [
                    "type": "resource", "resource": ["uri": "file:///b", "blob": "AA=="],
                    "annotations": ["priority": 1],
                ],
                ["type": "new", "uri": "file:///a"], "odd", nil,
            ],
            "structuredContent": ["uri": "file:///a"], "_meta": ["uri": "file:///a"],
        ]
        let expected: Value = [
            "content": [
                ["type": "text", "text": "see file:///a", "uri": "file:///a"],
                ["type": "resource_link", "uri": "git+file:///a", "name": "a", "x": 1],
                [
                    "type": "resource", "resource": ["uri": "git+file:///b", "blob": "AA=="],
                    "annotations": ["priority": 1],
                ],
                ["type": "new", "uri": "file:///a"], "odd", nil,
            ],
            "structuredContent": ["uri": "file:///a"], "_meta": ["uri": "file:///a"],
        ]
        #expect(names.exposing(toolResult: result, of: 0) == expected)
        #expect(ResourceNames.unchanged.exposing(toolResult: result, of: 0) == result)
        #expect(names.exposing(toolResult: "odd", of: 0) == "odd")
    }

    @Test("Prompts, contents and lists are rewritten where their URIs stand")
    func rewritesOthers() {
        let link: Value = ["type": "resource_link", "uri": "x:1"]
        let exposed: Value = ["type": "resource_link", "uri": "my-time+x:1"]
        #expect(
            names.exposing(prompt: ["messages": [["role": "user", "content": link], ["content": [link]], 1]], of: 1)
                == ["messages": [["role": "user", "content": exposed], ["content": [exposed]], 1]])
        #expect(
            names.exposing(contents: ["contents": [["uri": "x:1", "text": "x:1"], ["blob": ""]]], of: 1)
                == ["contents": [["uri": "my-time+x:1", "text": "x:1"], ["blob": ""]]])
        #expect(
            names.exposing(listed: ["uriTemplate": "x:{id}", "name": "n"], key: "uriTemplate", of: 1)
                == ["uriTemplate": "my-time+x:{id}", "name": "n"])
    }
}
