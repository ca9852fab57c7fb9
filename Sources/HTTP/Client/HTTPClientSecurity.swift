// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// How the connections of a client are secured.
package struct HTTPClientSecurity: Sendable {
    /// Tells settings apart, for whoever keeps clients by their settings.
    package let identity: String

    /// Called first for each connection to an origin with `https`, on its event loop, to put handlers in front of HTTP.
    let prepareChannel: (@Sendable (any Channel, HTTPOrigin) throws -> Void)?

    /// No security; requests with `https` fail.
    package static let plaintext = HTTPClientSecurity(identity: "", prepareChannel: nil)

    /// Security by handlers, such as TLS with the protocol `http/1.1`.
    ///
    /// - Parameters:
    ///   - identity: differs for settings that differ; not empty.
    ///   - prepareChannel: puts the handlers into the pipeline.
    package static func handlers(
        identity: String, prepareChannel: @escaping @Sendable (any Channel, HTTPOrigin) throws -> Void
    ) -> HTTPClientSecurity {
        HTTPClientSecurity(identity: identity, prepareChannel: prepareChannel)
    }
}
