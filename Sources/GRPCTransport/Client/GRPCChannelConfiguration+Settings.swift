// SPDX-License-Identifier: Apache-2.0

package import GRPC
package import PluginFramework

extension GRPCChannelConfiguration {
    /// What configuration says about plugins over gRPC.
    package init(_ settings: GRPCClientSettings) {
        self.init()
        connections = settings.connections > 0 ? settings.connections : nil
        maxMessageSize = settings.maximumMessageSize
        maxRequestSize = settings.maximumRequestSize
        maxConcurrentStreams = settings.maximumConcurrentStreams
        multiplexesCalls = settings.multiplexedCalls
        maxWaitingCalls = settings.maximumWaitingCalls
        connectTimeout = settings.connectTimeout
        reconnectDelay = settings.reconnectDelay
        maxReconnectDelay = settings.maximumReconnectDelay
        keepaliveTime = settings.keepaliveTime
        keepaliveTimeout = settings.keepaliveTimeout
        resolveInterval = settings.resolveInterval
        maxHeaderListSize = settings.maximumHeaderListSize
        streamWindowSize = settings.streamWindowSize
        connectionWindowSize = settings.connectionWindowSize
        maxControlFrames = settings.maximumControlFrames
        maxStreamFaults = settings.maximumStreamFaults
        breaker.consecutiveFailures = settings.breakerFailures
        breaker.errorRate = Double(settings.breakerErrorPercent) / 100
        breaker.minimumCalls = settings.breakerMinimumCalls
        breaker.window = settings.breakerWindow
        breaker.probeInterval = settings.breakerProbeInterval
        breaker.probeTimeout = settings.breakerProbeTimeout
        breaker.healthFallbacks = PluginServiceMethods.healthPaths
    }
}
