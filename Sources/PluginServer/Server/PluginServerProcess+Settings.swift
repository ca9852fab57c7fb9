// SPDX-License-Identifier: Apache-2.0

import GRPC
import PluginConfiguration
import PluginFramework
import Sockets

// How the settings of a configuration become those of the parts.
extension PluginServerProcess {
    var grpcConfiguration: GRPCServerConfiguration {
        let settings = configuration.settings.grpc
        var grpc = GRPCServerConfiguration()
        grpc.maxMessageSize = settings.maximumMessageSize
        grpc.maxConcurrentStreams = settings.maximumConcurrentStreams
        grpc.maxConnections = settings.maximumConnections
        grpc.maxCallsInFlight = settings.maximumCallsInFlight
        grpc.maxStreamingCallsPerConnection = settings.maximumStreamingCallsPerConnection
        grpc.maxStreamingCalls = settings.maximumStreamingCalls
        grpc.inlineLimit = settings.inlineLimit
        grpc.requestTimeout = settings.requestTimeout
        grpc.answerTimeout = settings.answerTimeout
        grpc.handshakeTimeout = settings.handshakeTimeout
        grpc.maxHeaderListSize = settings.maximumHeaderListSize
        grpc.streamWindowSize = settings.streamWindowSize
        grpc.connectionWindowSize = settings.connectionWindowSize
        grpc.maxConnectionIdle = settings.maximumConnectionIdle
        grpc.maxConnectionAge = settings.maximumConnectionAge
        grpc.keepaliveTime = settings.keepaliveTime
        grpc.keepaliveTimeout = settings.keepaliveTimeout
        grpc.maxRapidResets = settings.maximumRapidResets
        grpc.maxControlFrames = settings.maximumControlFrames
        grpc.drainGrace = configuration.settings.process.gracePeriod
        return grpc
    }

    var listenAddress: ListenAddress {
        let settings = configuration.settings.grpc
        if let socket = settings.socket {
            return .unix(UnixSocketSettings(path: socket.path, mode: socket.mode, group: socket.group))
        }
        return .tcp(host: settings.host, port: settings.port)
    }
}
