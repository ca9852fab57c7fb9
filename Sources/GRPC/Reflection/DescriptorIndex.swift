// SPDX-License-Identifier: Apache-2.0

/// Serialized `FileDescriptorProto`s by file name and by the symbols they define.
///
/// Reads of a descriptor only what reflection asks for: name, package, dependencies and names.
struct DescriptorIndex: Sendable {
    private struct File {
        let bytes: [UInt8]
        var name = ""
        var package = ""
        var dependencies: [String] = []
        var symbols: [String] = []
    }

    private let files: [File]
    private var byName: [[UInt8]: Int] = [:]
    private var bySymbol: [[UInt8]: Int] = [:]

    /// Messages nest; a hostile or damaged descriptor must not exhaust the stack.
    private static let maximumDepth = 100

    /// - Throws: `ReflectionError` naming the file that is no descriptor, or whose dependency is missing.
    init(_ descriptors: [[UInt8]]) throws {
        var files: [File] = []
        for (number, bytes) in descriptors.enumerated() {
            do throws(ProtobufReader.Malformed) {
                files.append(try Self.read(bytes))
            } catch {
                throw ReflectionError(
                    message: "descriptor number \(number) is no serialized FileDescriptorProto; generate it again"
                )
            }
        }
        self.files = files
        for (index, file) in files.enumerated() {
            // The same file may come from two sources; the first stands.
            guard byName[Array(file.name.utf8)] == nil else { continue }
            byName[Array(file.name.utf8)] = index
            for symbol in file.symbols where bySymbol[Array(symbol.utf8)] == nil {
                bySymbol[Array(symbol.utf8)] = index
            }
        }
        for file in files {
            for dependency in file.dependencies where byName[Array(dependency.utf8)] == nil {
                throw ReflectionError(
                    message: "\(file.name) imports \(dependency), whose descriptor is missing; add it to the files"
                )
            }
        }
    }

    /// A file and all it depends on, the file first; nil when it is not known.
    func files(named name: String) -> [[UInt8]]? {
        byName[Array(name.utf8)].map(closure)
    }

    /// The file that defines a symbol and all it depends on, the file first; nil when it is not known.
    func files(defining symbol: String) -> [[UInt8]]? {
        bySymbol[Array(symbol.utf8)].map(closure)
    }

    private func closure(_ first: Int) -> [[UInt8]] {
        var order = [first]
        var seen: Set<Int> = [first]
        var next = 0
        while next < order.count {
            for dependency in files[order[next]].dependencies {
                if let index = byName[Array(dependency.utf8)], seen.insert(index).inserted { order.append(index) }
            }
            next += 1
        }
        return order.map { files[$0].bytes }
    }

    // MARK: Reading descriptors (google/protobuf/descriptor.proto)

    private static func read(_ bytes: [UInt8]) throws(ProtobufReader.Malformed) -> File {
        var file = File(bytes: bytes)
        var reader = ProtobufReader(bytes[...])
        while let (field, value) = try reader.next() {
            switch field {
            case 1: file.name = try value.asString()
            case 2: file.package = try value.asString()
            case 3: file.dependencies.append(try value.asString())
            default: break
            }
        }
        guard !file.name.utf8.isEmpty else { throw ProtobufReader.Malformed() }
        reader = ProtobufReader(bytes[...])
        let scope = file.package
        while let (field, value) = try reader.next() {
            switch field {
            case 4: try readMessage(value.asBytes(), scope, depth: 0, into: &file.symbols)
            case 5: try readEnum(value.asBytes(), scope, into: &file.symbols)
            case 6: try readNamed(value.asBytes(), scope, membersIn: 2, into: &file.symbols)
            case 7: try readNamed(value.asBytes(), scope, into: &file.symbols)
            default: break
            }
        }
        return file
    }

    private static func readMessage(
        _ bytes: ArraySlice<UInt8>,
        _ scope: String,
        depth: Int,
        into symbols: inout [String]
    ) throws(ProtobufReader.Malformed) {
        guard depth < maximumDepth else { throw ProtobufReader.Malformed() }
        let name = try readNamed(bytes, scope, into: &symbols)
        var reader = ProtobufReader(bytes)
        while let (field, value) = try reader.next() {
            switch field {
            case 2, 6, 8: try readNamed(value.asBytes(), name, into: &symbols)
            case 3: try readMessage(value.asBytes(), name, depth: depth + 1, into: &symbols)
            case 4: try readEnum(value.asBytes(), name, into: &symbols)
            default: break
            }
        }
    }

    /// The values of an enum are siblings of the enum, as in C++.
    private static func readEnum(
        _ bytes: ArraySlice<UInt8>,
        _ scope: String,
        into symbols: inout [String]
    ) throws(ProtobufReader.Malformed) {
        try readNamed(bytes, scope, into: &symbols)
        var reader = ProtobufReader(bytes)
        while let (field, value) = try reader.next() {
            if field == 2 { try readNamed(value.asBytes(), scope, into: &symbols) }
        }
    }

    /// Adds the full name of what has its name in field 1, and of its members in another field.
    @discardableResult
    private static func readNamed(
        _ bytes: ArraySlice<UInt8>,
        _ scope: String,
        membersIn membersField: Int? = nil,
        into symbols: inout [String]
    ) throws(ProtobufReader.Malformed) -> String {
        var reader = ProtobufReader(bytes)
        var name = ""
        var members: [ArraySlice<UInt8>] = []
        while let (field, value) = try reader.next() {
            if field == 1 { name = try value.asString() }
            if field == membersField { members.append(try value.asBytes()) }
        }
        let fullName = scope.utf8.isEmpty ? name : "\(scope).\(name)"
        symbols.append(fullName)
        for member in members { try readNamed(member, fullName, into: &symbols) }
        return fullName
    }
}

/// Why reflection cannot be offered.
package struct ReflectionError: Error, Sendable, CustomStringConvertible {
    /// What is wrong and what to do about it.
    package let message: String

    package var description: String { message }
}
