// SPDX-License-Identifier: Apache-2.0

package import HTTP
import Values

/// A URL of the configuration that keys or secrets travel to or from: with TLS, or within this machine.
package struct SecureAddress: Sendable, Equatable, CustomStringConvertible {
    /// The address.
    package let address: HTTPAddress

    /// Reads a URL: `https://…`, or `http://` with a loopback address or `localhost`.
    ///
    /// - Throws: What is wrong with it.
    package init(_ text: String) throws(KeyError) {
        do throws(HTTPAddressError) {
            address = try HTTPAddress(text)
        } catch {
            throw KeyError(error.message)
        }
        guard address.origin.scheme == .https || Self.isLoopback(address.origin.host) else {
            throw KeyError(
                "\"\(text)\" is not encrypted, so others on the way could change what comes from there; give an https:// URL"
            )
        }
    }

    /// The URL.
    package var description: String { address.description }

    private static func isLoopback(_ host: String) -> Bool {
        if ["localhost", "::1"].contains(where: { $0.hasSameBytes(as: host) }) { return true }
        let parts = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        // Only as four numbers: what else resolvers take for an address, they may take for another one.
        return parts.count == 4 && parts[0].elementsEqual("127".utf8)
            && parts.allSatisfy { part in
                (1...3).contains(part.count) && part.allSatisfy { (0x30...0x39).contains($0) }
            }
    }
}
