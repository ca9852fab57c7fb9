// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import PluginWire
import Synchronization

/// A channel to a plugin server, and what was learnt about the server: shared by all plugins that run there.
final class PluginChannel: Sendable {
    /// A method of the plugin service.
    enum Method: String, Sendable, CaseIterable {
        case invokeHook = "InvokeHook"
        case getPluginConfig = "GetPluginConfig"

        /// Its paths in the packages, in their order.
        fileprivate var paths: [String] {
            switch self {
            case .invokeHook: Self.invokeHookPaths
            case .getPluginConfig: Self.getPluginConfigPaths
            }
        }

        private static let invokeHookPaths = paths(.invokeHook)
        private static let getPluginConfigPaths = paths(.getPluginConfig)

        private static func paths(_ method: Method) -> [String] {
            PluginServiceMethods.packages.map { "/\($0).PluginService/\(method.rawValue)" }
        }
    }

    let channel: GRPCChannel
    /// The package that the server understands, by its number; a server tells by UNIMPLEMENTED that it is another.
    private let package = Atomic<Int>(0)

    init(channel: GRPCChannel) {
        self.channel = channel
    }

    /// What may be sent beyond the contract.
    var features: WireFeatures { WireFeatures(rawValue: channel.features) }

    /// Makes a call in the package that the server understands.
    ///
    /// - Parameter message: makes the request; called once more when the server turns out to understand the other package.
    /// - Throws: `GRPCStatus`, or `UnsendableRequest` with what `message` threw.
    func call(
        _ method: Method, timeout: Duration, message: () throws(WireError) -> ByteBuffer
    ) async throws -> ByteBuffer {
        let number = package.load(ordering: .relaxed)
        let deadline = ContinuousClock.now + timeout
        let request = try made(message)
        do throws(GRPCStatus) {
            return try await channel.unary(method.paths[number], request, timeout: timeout)
        } catch {
            // A method that is not there was not begun.
            guard error.code == .unimplemented else { throw error }
        }
        let other = number == 0 ? 1 : 0
        let answer = try await channel.unary(method.paths[other], try made(message), timeout: deadline - .now)
        package.store(other, ordering: .relaxed)
        return answer
    }

    private func made(_ message: () throws(WireError) -> ByteBuffer) throws(UnsendableRequest) -> ByteBuffer {
        do throws(WireError) {
            return try message()
        } catch {
            throw UnsendableRequest(cause: error)
        }
    }
}

/// A request that the contract cannot say.
struct UnsendableRequest: Error {
    let cause: WireError
}
