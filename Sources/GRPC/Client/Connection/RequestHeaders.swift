// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK

/// The header blocks of requests: that of a method is made once for each connection.
struct RequestHeaders {
    private let scheme: String
    private let authority: String
    private var lastPath = ""
    private var lastHeaders = HPACKHeaders()

    init(scheme: String, authority: String) {
        self.scheme = scheme
        self.authority = authority
    }

    /// The headers of a stream without a time limit.
    func headers(path: String) -> HPACKHeaders {
        [
            ":method": "POST", ":scheme": scheme, ":path": path, ":authority": authority, "te": "trailers",
            "content-type": "application/grpc", "user-agent": "gatehouse",
        ]
    }

    /// The headers of a call.
    mutating func headers(_ call: ClientCall, now: NIODeadline) -> HPACKHeaders {
        if !lastPath.isSame(as: call.path) {
            lastPath = call.path
            lastHeaders = [
                ":method": "POST", ":scheme": scheme, ":path": call.path, ":authority": authority, "te": "trailers",
                "content-type": "application/grpc", "grpc-accept-encoding": MessageEncoding.accepted,
                "user-agent": "gatehouse",
            ]
        }
        var headers = lastHeaders
        headers.reserveCapacity(lastHeaders.count + 1 + call.metadata.count)
        // Differs from call to call; in the dynamic table it would only push useful entries out.
        headers.add(name: "grpc-timeout", value: GRPCTimeout.text(call.deadline - now), indexing: .nonIndexable)
        for (name, value) in call.metadata { headers.add(name: name, value: value) }
        return headers
    }
}
