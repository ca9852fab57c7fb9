// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Asks a server for its health: by the standard service, else by those like it that the channel knows.
struct HealthProbe: Sendable {
    let fallbacks: [String]
    let caller: GRPCConnectionCaller

    /// Whether the server may be given calls.
    ///
    /// A server that says it does not serve is taken at its word; one that answers at all, and has no health service, serves.
    func isServing() async -> Bool {
        for path in ["/\(HealthService.name)/Check"] + fallbacks {
            do throws(GRPCStatus) {
                // A request for "", the whole server, has no bytes.
                return Self.says(try await caller.unary(path, ByteBuffer()))
            } catch {
                switch error.code {
                case .unimplemented: continue
                // It answers, and does not know the service "".
                case .notFound: return true
                default: return false
                }
            }
        }
        return true
    }

    private static func says(_ answer: ByteBuffer) -> Bool {
        var reader = ProtobufReader(answer)
        var status: UInt64 = 0
        do throws(ProtobufReader.Malformed) {
            while let (field, value) = try reader.next() {
                if field == 1, case .varint(let number) = value { status = number }
            }
        } catch {
            return false
        }
        return status != HealthRegistry.Status.notServing.rawValue
    }
}
