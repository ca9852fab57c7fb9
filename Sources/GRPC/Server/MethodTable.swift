// SPDX-License-Identifier: Apache-2.0

/// The methods of a server by the bytes of their paths.
struct MethodTable: Sendable {
    /// A method and its path as bytes, shared by all its calls.
    final class Entry: Sendable {
        let path: String
        let handler: GRPCMethod.Handler

        init(_ method: GRPCMethod) {
            path = method.path
            handler = method.handler
        }
    }

    /// Open addressing, at most half full.
    private let slots: [Entry?]

    /// - Throws: `GRPCServerError` when two methods have the same path.
    init(_ methods: [GRPCMethod]) throws {
        var size = 8
        while size < methods.count * 2 { size *= 2 }
        var slots = [Entry?](repeating: nil, count: size)
        for method in methods {
            var slot = Self.hash(method.path) & (size - 1)
            while let taken = slots[slot] {
                if taken.path.isSame(as: method.path) {
                    throw GRPCServerError(
                        code: .duplicateMethod,
                        message: "the method \(method.path) is registered twice; register each path once"
                    )
                }
                slot = (slot + 1) & (size - 1)
            }
            slots[slot] = Entry(method)
        }
        self.slots = slots
    }

    subscript(path: String) -> Entry? {
        var slot = Self.hash(path) & (slots.count - 1)
        while let entry = slots[slot] {
            if entry.path.isSame(as: path) { return entry }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// FNV-1a.
    ///
    /// The table is fixed and a miss ends at the first free slot, so hostile paths cannot make it slow.
    private static func hash(_ path: String) -> Int {
        var path = path
        let hash = path.withUTF8 { bytes in
            bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        }
        return Int(truncatingIfNeeded: hash ^ hash >> 32)
    }
}

/// Why a server could not be made or run.
package struct GRPCServerError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package struct Code: Sendable, Hashable {
        private enum Name { case duplicateMethod, listenerFailed }

        private let name: Name

        /// Two methods have the same path.
        package static let duplicateMethod = Code(name: .duplicateMethod)
        /// A listening socket failed while the server was running.
        package static let listenerFailed = Code(name: .listenerFailed)
    }

    /// What kind of failure it is.
    package let code: Code
    /// What failed and what to do about it.
    package let message: String
    /// What caused it, if another error did.
    package let cause: (any Error)?

    init(code: Code, message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String { cause.map { "\(message) (\($0))" } ?? message }
}
