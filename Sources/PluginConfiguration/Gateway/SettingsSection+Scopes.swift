// SPDX-License-Identifier: Apache-2.0

extension SettingsSection {
    /// A list of scopes: texts of printable ASCII without spaces and quotes (RFC 6749, appendix A.4); empty when absent.
    func scopes(_ key: String) -> [String] {
        let scopes = texts(key)
        let line = member(key)?.line
        for (index, scope) in scopes.enumerated() where !Self.isScope(scope) {
            session.error(
                session.file(line), path.key(key).index(index),
                "\"\(scope.prefix(100))\" is no scope; use printable ASCII without spaces, \" and \\")
        }
        return scopes
    }

    private static func isScope(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
            }
    }

    /// One text, or a list of texts.
    func textOrTexts(_ key: String) -> [String] {
        guard let member = member(key), case .scalar = member.value.content else { return texts(key) }
        return optional(key, .name).map { [$0.value] } ?? []
    }
}
