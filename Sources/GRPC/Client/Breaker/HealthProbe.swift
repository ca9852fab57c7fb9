// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Asks a server for its health: by the standard service, else by those like it that the channel knows.
struct HealthProbe: Sendable {
    let fallbacks: [String]
    /// Makes a unary call.
    let call: @Sendable (_ path: String, _ message: ByteBuffer) async throws(GRPCStatus) -> ByteBuffer

    /// Whether the server, or what it calls by the name `service`, may be given calls.
    ///
    /// A server that says it does not serve is taken at its word; one that answers at all, and has no health service, serves. One
    /// that does not know the name is asked for itself as a whole.
    func isServing(_ service: String = "") async -> Bool {
        for path in ["/\(HealthService.name)/Check"] + fallbacks {
            do throws(GRPCStatus) {
                return Self.says(try await call(path, Self.request(service)))
            } catch {
                switch error.code {
                case .unimplemented: continue
                case .notFound: return service.isEmpty ? true : await isServing()
                default: return false
                }
            }
        }
        return true
    }

    /// A HealthCheckRequest; that for "", the whole server, has no bytes.
    private static func request(_ service: String) -> ByteBuffer {
        guard !service.isEmpty else { return ByteBuffer() }
        var writer = ProtobufWriter()
        writer.write(1, bytes: Array(service.utf8))
        return writer.message
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
