// SPDX-License-Identifier: Apache-2.0

import Sockets

/// A streaming method of which one call carries those of unary methods, each as a message of its own.
///
/// A call of HTTP/2 costs three header blocks and the life of a stream; one that is carried costs ten bytes. Both ways a message is a
/// ``TaggedFrame``. A long request goes by a stream of its own, so that it does not stand in the way of short ones; how long an answer is
/// nobody knows when it is asked for, so that a long one stands before those that come after it.
package struct GRPCCarrier: Sendable {
    /// A method whose calls are carried.
    package struct Method: Sendable {
        /// What its frames begin with.
        package let kind: UInt8
        /// Its path, `/package.Service/Method`.
        package let path: String

        /// Makes one.
        package init(kind: UInt8, path: String) {
            self.kind = kind
            self.path = path
        }
    }

    /// The path of the method that carries.
    package let path: String
    /// The bits of the exchange that a server must have announced.
    package let feature: UInt64
    /// What is carried.
    package let methods: [Method]

    /// Makes one.
    package init(path: String, feature: UInt64, methods: [Method]) {
        self.path = path
        self.feature = feature
        self.methods = methods
    }

    /// The longest request that is carried, in bytes.
    static let longestRequest = 64 << 10
    /// The longest message of a client that is one: what stands before a request is the head of the frame and the time that is left.
    static let longestMessage = longestRequest + TaggedFrame.headLength + 4

    func kind(of path: String) -> TaggedFrame.Kind? {
        for method in methods where method.path.isSame(as: path) { return TaggedFrame.Kind(rawValue: method.kind) }
        return nil
    }
}
