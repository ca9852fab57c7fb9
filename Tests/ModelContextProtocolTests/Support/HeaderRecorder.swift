// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import Synchronization
import Values

/// Lets everybody in and remembers the requests.
final class HeaderRecorder: MCPAdmission {
    private let requests = Mutex<[HTTPServerRequest]>([])

    func admit(_ request: HTTPServerRequest) async -> MCPAdmissionDecision {
        requests.withLock { $0.append(request) }
        return .allow(nil)
    }

    /// The headers of the last POST with this method.
    func last(of method: String) -> HTTPHeaders? {
        requests.withLock { requests in
            requests.last { request in
                guard let value = try? JSONParser.decode(Array(buffer: request.body)) else { return false }
                return value["method"]?.stringValue == method
            }?.headers
        }
    }

    /// All bodies that were posted.
    var bodies: [Value] {
        requests.withLock { $0.compactMap { try? JSONParser.decode(Array(buffer: $0.body)) } }
    }

    /// How many requests of an HTTP method came.
    func count(_ method: HTTPMethod) -> Int {
        requests.withLock { $0.filter { $0.method == method }.count }
    }
}

/// Knows callers by a header.
struct NameAdmission: MCPAdmission {
    func admit(_ request: HTTPServerRequest) async -> MCPAdmissionDecision {
        guard let name = request.headers.first(name: "x-name") else {
            return .refuse(
                HTTPServerResponse(status: .unauthorized, headers: ["www-authenticate": "Bearer"]))
        }
        return .allow(MCPPrincipal(identity: name))
    }
}
