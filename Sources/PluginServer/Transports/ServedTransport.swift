// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PluginConfiguration
import PluginFramework
import ServiceLifecycle
import Sockets
import TransportSecurity

/// One way in which the plugins of this process are reached.
///
/// It is made with its sockets open, so that a server that cannot listen fails before anything starts. `run()` serves, announces
/// itself, and at graceful shutdown drains and returns; it may also return because its only client has left (stdio).
protocol ServedTransport: Service {
    /// Which one it is.
    var transport: PluginServerTransport { get }
    /// What the operator should know although listening worked.
    var warnings: [String] { get }

    /// Takes over the plugins' health as it is now: before the first call is accepted.
    func publishHealth() async

    /// Keeps what it says of the plugins' health in step with them until the task is cancelled.
    func followHealth() async
}

extension ServedTransport {
    /// Nothing: for transports that ask the plugins whenever they are asked.
    func publishHealth() async {}

    /// Nothing: for transports that ask the plugins whenever they are asked.
    func followHealth() async {}
}

/// What transports are made of.
struct ServingContext: Sendable {
    /// The plugins.
    let host: PluginHost
    /// What is configured.
    let settings: PluginServerSettings
    /// Of bytes in buffered messages: one for the process.
    let budget: ByteBudget
    /// Where connections live.
    let eventLoopGroup: any EventLoopGroup
    let logger: Logger
    /// Makes what listeners are secured with, and keeps it in step with its files.
    let tls: TLSStore
    /// The client's streams when stdio is served; nil when it is not, or they are not open.
    let protocolStreams: ProtocolStreams?
    /// What is wrong with a value of the configuration, with where that came from: its key, and the fault.
    let diagnostic: @Sendable (_ key: String, _ message: String) -> ConfigurationDiagnostic
    /// To be called once, when a transport listens, with where it does.
    let onListening: @Sendable (PluginServerTransport, [String]) -> Void

    /// To be called when a transport begins to drain: the plugins are said not to serve any more.
    func draining() { host.stopAccepting() }

    /// What a listener is secured with; nil for plaintext.
    ///
    /// - Parameter place: The key of the settings, for errors and logs.
    /// - Throws: What is wrong with the settings or their files: plaintext is never served instead.
    func security(
        _ settings: ServerTLSSettings?, for application: TLSApplication, place: String
    ) throws(ServingError) -> TLSServer? {
        guard let settings else { return nil }
        do throws(TLSSettingsError) {
            return try tls.server(settings, for: application, place: place)
        } catch {
            throw ServingError(
                description: "\(diagnostic("\(place).\(error.key)", error.message))", status: ExitStatus.configuration)
        }
    }
}

/// Why a process cannot serve.
struct ServingError: Error, CustomStringConvertible {
    /// What failed and what to do.
    let description: String
    /// What the process ends with, see `ExitStatus`.
    let status: Int32
}
