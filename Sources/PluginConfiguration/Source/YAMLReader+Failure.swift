// SPDX-License-Identifier: Apache-2.0

internal import Yams

extension YAMLReader {
    /// What a fault of the grammar means, and where it is.
    static func failure(_ error: YamlError, text: String) -> Failure {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let context = context.map { " \($0.text) (line \($0.mark.line))" } ?? ""
            return Failure(
                line: mark.line,
                message: "is no YAML here: \(problem)\(context); \(advice(for: problem, at: mark, in: text))")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.sorted { $0.precedesInUTF8($1) }
            return Failure(
                line: context.mark.line, path: KeyPathText.root.key(names.first ?? ""),
                message: "appears more than once in one mapping; keep one")
        case .reader(let problem, _, _, _):
            return Failure(message: "is no YAML: \(problem); give a text file")
        case .memory:
            return Failure(message: "does not fit into memory; give a shorter file")
        default:
            return Failure(message: "is no YAML; give a YAML file")
        }
    }

    private static func advice(for problem: String, at mark: Mark, in text: String) -> String {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.indices.contains(mark.line - 1) {
            let indentation = lines[mark.line - 1].prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            if indentation.contains(UInt8(ascii: "\t")) { return "indent with spaces, not with tabs" }
        }
        switch problem {
        case "found another document", "but found another document":
            return "keep one document, without `---` in between"
        case "found undefined alias": return "define the anchor before its use"
        case "mapping values are not allowed in this context":
            return "quote values that hold a colon, or check the indentation"
        default: return "check the indentation, quotes and brackets"
        }
    }
}

extension String {
    fileprivate func precedesInUTF8(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
