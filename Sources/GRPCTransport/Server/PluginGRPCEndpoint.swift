// SPDX-License-Identifier: Apache-2.0

package import GRPC
package import PluginFramework
import PluginWire

/// Everything that a gRPC plugin server answers: the plugin service, its old and the standard health service, and reflection.
package struct PluginGRPCEndpoint: Sendable {
    /// The methods to register with a server.
    package let methods: [GRPCMethod]

    private let service: any PluginService
    private let registry = HealthRegistry()

    /// Makes the endpoint of a service.
    ///
    /// - Parameter inlineLimit: The server's `inline_limit`, in bytes.
    /// - Throws: When the descriptors that reflection shows do not fit together.
    package init(service: any PluginService, inlineLimit: Int = GRPCServerConfiguration().inlineLimit) throws {
        self.service = service
        let reflection = try ReflectionService(
            services: PluginServiceMethods.serviceNames + [PeerDescription.serviceName, HealthService.name]
                + ReflectionService.names,
            files: PluginServiceDescriptors.files.map(\.descriptor) + ServiceDescriptors.files.map(\.descriptor))
        methods =
            PluginServiceMethods(service: service, inlineLimit: inlineLimit).methods
            + HealthService(registry: registry).methods
            + reflection.methods
    }

    /// Keeps the standard health service in step with the plugins until the task is cancelled or the plugins are shut down.
    package func followHealth() async {
        for await health in service.healthUpdates() { publish(health) }
    }

    /// Takes over the plugins' health as it is now: before the first call is accepted.
    package func publishHealth() async {
        publish(await service.health)
    }

    /// Tells everybody that this server is going away, and ends all watches, which would hold up its drain.
    package func announceShutdown() {
        registry.shutDown()
    }

    private func publish(_ health: PluginHealth) {
        let status: HealthRegistry.Status = health.isServing ? .serving : .notServing
        for name in [""] + PluginServiceMethods.packages.map({ "\($0).PluginService" }) { registry.set(name, status) }
        for (plugin, isServing) in health.plugins { registry.set(plugin, isServing ? .serving : .notServing) }
    }
}
