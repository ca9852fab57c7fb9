// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import BuiltinPlugins

/// What CPython's `re` answers, as make_python_re_cases.py wrote it down.
struct PythonCase: Decodable, CustomStringConvertible {
    let pattern: String
    let flags: String
    let text: String
    let replacement: String
    let error: Int?
    let spans: [[[Int]?]]?
    let sub: String?
    let subError: Int?

    static func load(_ file: String) throws -> [PythonCase] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: folder.appendingPathComponent("Resources/\(file)"))
        return try JSONDecoder().decode([PythonCase].self, from: data)
    }

    var patternFlags: PatternFlags {
        var result: PatternFlags = []
        for letter in flags {
            switch letter {
            case "i": result.insert(.ignoreCase)
            case "m": result.insert(.multiline)
            case "s": result.insert(.dotAll)
            case "x": result.insert(.verbose)
            default: result.insert(.ascii)
            }
        }
        return result
    }

    var description: String { "\(pattern.debugDescription) /\(flags) on \(text.debugDescription)" }
}
