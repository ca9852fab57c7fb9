// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// docs/embedding.md says what is true.
@Suite struct EmbeddingTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// What stands between a line of the document that opens a block of this language and the line that closes it.
    private static func block(_ language: String) throws -> String {
        let lines = try text("docs/embedding.md").components(separatedBy: "\n")
        let start = try #require(lines.firstIndex(of: "```\(language)"))
        let end = try #require(lines[start...].firstIndex(of: "```"))
        return lines[(start + 1)..<end].joined(separator: "\n")
    }

    @Test func theProgramInTheDocumentIsTheOneThatIsBuilt() throws {
        let source = try Self.text("Examples/Embedding/main.swift")
        let header = "// SPDX-License-Identifier: Apache-2.0\n\n"
        #expect(source.hasPrefix(header))
        let block = try Self.block("swift")
        #expect(source.dropFirst(header.count) == block + "\n")
    }

    @Test func theProgramInTheDocumentPrintsWhatTheDocumentSays() throws {
        // It lies beside the tests, which depend on it.
        let program = Bundle.main.bundleURL.appending(path: "EmbeddingExample")
        let process = Process()
        process.executableURL = program
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let expected = try Self.block("text") + "\n"
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }
}
