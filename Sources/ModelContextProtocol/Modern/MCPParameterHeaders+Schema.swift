// SPDX-License-Identifier: Apache-2.0

package import Values

extension MCPParameterHeaders {
    private static let annotation = "x-mcp-header"

    /// Reads a tool's input schema; nil when none of its arguments has a header.
    ///
    /// An annotation may stand at properties of the types string, integer and boolean that are reached from the schema's root by
    /// `properties` alone. References are not followed.
    ///
    /// - Throws: when an annotation is where it may not be, is no header name, or is there twice.
    package init?(inputSchema: Document) throws(MCPParameterHeaderError) {
        // Most schemas have none, and need not be decoded to know it.
        if let json = inputSchema.encoded as? EncodedJSON, !Self.mentionsAnnotation(json) { return nil }
        var reader = SchemaReader()
        try reader.read(inputSchema.value, at: [])
        guard !reader.parameters.isEmpty else { return nil }
        parameters = reader.parameters
    }

    /// Whether the annotation's name, or an escaped one that may be it, is somewhere in the text.
    private static func mentionsAnnotation(_ json: EncodedJSON) -> Bool {
        let name = Array(annotation.utf8)
        return json.withBytes { bytes in
            var start = 0
            while let position = bytes[start...].firstIndex(where: { $0 == name[0] || $0 == UInt8(ascii: "\\") }) {
                if bytes[position] == UInt8(ascii: "\\") || bytes[position...].starts(with: name) { return true }
                start = position + 1
            }
            return false
        }
    }

    /// Walks through a schema, by the applicators of JSON Schema 2020-12; what is data in it (`default`, `enum`, `examples`) is passed over.
    private struct SchemaReader {
        private static let single = [
            "items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties",
            "not", "if", "then", "else", "contentSchema",
        ]
        private static let lists = ["allOf", "anyOf", "oneOf", "prefixItems"]
        private static let maps = ["patternProperties", "dependentSchemas", "$defs", "definitions"]

        var parameters: [Parameter] = []

        /// Reads the schema at a path of properties; nil stands for a place that no such path leads to.
        mutating func read(_ schema: Value, at path: [String]?) throws(MCPParameterHeaderError) {
            guard case .object(let schema) = schema else { return }
            if let name = schema[annotation] { try add(name, schema, at: path) }
            for member in schema {
                if member.key.hasSameBytes(as: "properties") {
                    for property in member.value.objectValue ?? [:] {
                        try read(property.value, at: path.map { $0 + [property.key] })
                    }
                } else if Self.single.contains(where: member.key.hasSameBytes(as:)) {
                    try read(member.value, at: nil)
                } else if Self.lists.contains(where: member.key.hasSameBytes(as:)) {
                    for element in member.value.arrayValue ?? [] { try read(element, at: nil) }
                } else if Self.maps.contains(where: member.key.hasSameBytes(as:)) {
                    for property in member.value.objectValue ?? [:] { try read(property.value, at: nil) }
                }
            }
        }

        private mutating func add(
            _ name: Value, _ schema: ValueObject, at path: [String]?
        ) throws(MCPParameterHeaderError) {
            guard let path, !path.isEmpty else {
                throw MCPParameterHeaderError(
                    description: "\(annotation) stands where no path of properties alone leads; move it to a property")
            }
            let place = path.joined(separator: ".")
            guard case .string(let name) = name, name.isHeaderName else {
                throw MCPParameterHeaderError(
                    description: "the \(annotation) of \(place) must be a header name of letters, digits and hyphens")
            }
            guard let type = schema["type"]?.stringValue, let kind = Kind(rawValue: type) else {
                throw MCPParameterHeaderError(
                    description:
                        "\(annotation) is for the types string, integer and boolean, and \(place) is of another")
            }
            let header = MCPParameterHeaders.prefix + name
            let lowercased = header.lowercased()
            guard !parameters.contains(where: { $0.header.lowercased().hasSameBytes(as: lowercased) }) else {
                throw MCPParameterHeaderError(
                    description:
                        "the \(annotation) \(name) of \(place) is that of another property, too; choose another")
            }
            parameters.append(Parameter(path: path, header: header, kind: kind))
        }
    }
}

extension String {
    /// Whether it may be the name of a header: a `token` (RFC 9110, section 5.6.2).
    fileprivate var isHeaderName: Bool {
        !utf8.isEmpty
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
