// SPDX-License-Identifier: Apache-2.0

/// Text with `{{ env.NAME }}` in it, as ContextForge's files write variables.
///
/// Understood is what those files use of Jinja: `env.NAME`, quoted text, and the filter `default(…)` (for a variable that is not
/// set; with `true` as second argument also for one that is empty). Other `{{ … }}` are left as they are: plugins have templates
/// of their own. A variable that is set to the empty string expands to it.
enum EnvironmentTemplate {
    /// What a text expands to.
    struct Expansion {
        var text: String
        /// Whether any variable took part, a default in its place included.
        var usesEnvironment: Bool
    }

    /// Why a text cannot be expanded.
    struct Failure: Error {
        var message: String
    }

    static func expand(_ text: String, environment: [String: String]) throws(Failure) -> Expansion {
        guard text.contains("{{") else { return Expansion(text: text, usesEnvironment: false) }
        var result = Expansion(text: "", usesEnvironment: false)
        var rest = Substring(text)
        while let open = rest.firstRange(of: "{{") {
            result.text += rest[..<open.lowerBound]
            guard let close = rest[open.upperBound...].firstRange(of: "}}") else {
                result.text += rest[open.lowerBound...]
                return result
            }
            let expression = rest[open.upperBound..<close.lowerBound]
            if var parser = ExpressionParser(expression, environment: environment) {
                result.text += try parser.parse()
                result.usesEnvironment = true
            } else {
                result.text += rest[open.lowerBound..<close.upperBound]
            }
            rest = rest[close.upperBound...]
        }
        result.text += rest
        return result
    }
}

/// Reads one expression: `env.A | default(env.B | default("text"))`.
private struct ExpressionParser {
    private let whole: String
    private var rest: Substring
    private let environment: [String: String]

    /// Nil when the expression has nothing to do with the environment.
    init?(_ expression: Substring, environment: [String: String]) {
        rest = expression
        whole = String(expression)
        self.environment = environment
        skipSpaces()
        guard rest.hasPrefix("env"), let next = rest.dropFirst(3).first,
            !(next.isLetter || next.isNumber || next == "_")
        else { return nil }
    }

    mutating func parse() throws(EnvironmentTemplate.Failure) -> String {
        let operand = try pipeline(depth: 0)
        guard rest.isEmpty else { throw misunderstood() }
        return try operand.required()
    }

    /// A value, or the name of the variable that would have had it.
    private enum Operand {
        case text(String)
        case unset(String)

        func required() throws(EnvironmentTemplate.Failure) -> String {
            switch self {
            case .text(let text): return text
            case .unset(let name):
                throw EnvironmentTemplate.Failure(
                    message: "the environment variable \(name) is not set; set it, "
                        + "or write {{ env.\(name) | default(\"…\") }}")
            }
        }
    }

    private mutating func pipeline(depth: Int) throws(EnvironmentTemplate.Failure) -> Operand {
        guard depth < 16 else { throw misunderstood() }
        var operand = try primary()
        skipSpaces()
        while take("|") {
            skipSpaces()
            guard take("default") || take("d") else { throw misunderstood() }
            skipSpaces()
            guard take("(") else { throw misunderstood() }
            skipSpaces()
            let fallback = try pipeline(depth: depth + 1)
            var coversEmpty = false
            if take(",") {
                skipSpaces()
                coversEmpty = take("true") || take("True")
                guard coversEmpty || take("false") || take("False") else { throw misunderstood() }
                skipSpaces()
            }
            guard take(")") else { throw misunderstood() }
            skipSpaces()
            switch operand {
            case .unset: operand = fallback
            case .text(let text): if coversEmpty, text.isEmpty { operand = fallback }
            }
        }
        return operand
    }

    private mutating func primary() throws(EnvironmentTemplate.Failure) -> Operand {
        for quote in ["\"", "'"] where take(quote) {
            guard let end = rest.firstRange(of: quote) else { throw misunderstood() }
            defer { rest = rest[end.upperBound...] }
            return .text(String(rest[..<end.lowerBound]))
        }
        guard take("env.") else { throw misunderstood() }
        let name = String(rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
        guard !name.isEmpty else { throw misunderstood() }
        rest = rest.dropFirst(name.count)
        return environment[name].map { .text($0) } ?? .unset(name)
    }

    private mutating func take(_ token: String) -> Bool {
        guard rest.hasPrefix(token) else { return false }
        rest = rest.dropFirst(token.count)
        return true
    }

    private mutating func skipSpaces() {
        rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "\n" }
    }

    private func misunderstood() -> EnvironmentTemplate.Failure {
        EnvironmentTemplate.Failure(
            message: "{{\(whole)}} is not understood; write {{ env.NAME }} or {{ env.NAME | default(\"text\") }}")
    }
}
