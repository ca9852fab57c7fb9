// SPDX-License-Identifier: Apache-2.0

import GRPC
import PluginFramework

extension GRPCServerConfiguration {
    /// What configuration says about the gRPC server.
    ///
    /// - Parameter grace: How long calls in flight may go on while the server drains.
    init(_ settings: GRPCServerSettings, grace: Duration) {
        self.init()
        maxMessageSize = settings.maximumMessageSize
        maxConcurrentStreams = settings.maximumConcurrentStreams
        maxConnections = settings.maximumConnections
        maxCallsInFlight = settings.maximumCallsInFlight
        maxStreamingCallsPerConnection = settings.maximumStreamingCallsPerConnection
        maxStreamingCalls = settings.maximumStreamingCalls
        inlineLimit = settings.inlineLimit
        requestTimeout = settings.requestTimeout
        answerTimeout = settings.answerTimeout
        handshakeTimeout = settings.handshakeTimeout
        maxHeaderListSize = settings.maximumHeaderListSize
        streamWindowSize = settings.streamWindowSize
        connectionWindowSize = settings.connectionWindowSize
        maxConnectionIdle = settings.maximumConnectionIdle
        maxConnectionAge = settings.maximumConnectionAge
        keepaliveTime = settings.keepaliveTime
        keepaliveTimeout = settings.keepaliveTimeout
        maxRapidResets = settings.maximumRapidResets
        maxControlFrames = settings.maximumControlFrames
        drainGrace = grace
    }
}
