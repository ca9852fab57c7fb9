// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// A method a server offers: its path and what answers it.
package struct GRPCMethod: Sendable {
    /// Answers a unary call with the response message, or throws the `GRPCStatus` it ends with.
    package typealias UnaryHandler = @Sendable (GRPCCall) async throws -> ByteBuffer

    /// Answers a streaming call: reads requests, sends responses, and returns for OK or throws a `GRPCStatus`.
    package typealias StreamingHandler =
        @Sendable (GRPCCall, GRPCRequestMessages, GRPCResponseWriter) async throws -> Void

    enum Handler: Sendable {
        case unary(UnaryHandler)
        case streaming(StreamingHandler)
        case carrier([ServerCarrier.Method])
    }

    /// The path, `/package.Service/Method`.
    package let path: String

    let handler: Handler

    /// A method with one request and one response.
    ///
    /// The handler starts on the event loop of its connection when the request is small: it must not block. A response
    /// made with `GRPCMessage.buffer` is sent without being copied. Errors other than `GRPCStatus` end the call with
    /// UNKNOWN and are logged, so that nothing internal reaches the client.
    package static func unary(_ path: String, _ handler: @escaping UnaryHandler) -> GRPCMethod {
        GRPCMethod(path: path, handler: .unary(handler))
    }

    /// A method with any number of requests and responses.
    ///
    /// The client has to send its first request, or to end them, within `request_timeout`.
    package static func streaming(_ path: String, _ handler: @escaping StreamingHandler) -> GRPCMethod {
        GRPCMethod(path: path, handler: .streaming(handler))
    }

    /// A method of which one call carries those of unary methods; of others in the list nothing is carried.
    ///
    /// A connection has one such call at a time. Time limits, cancellation, limits and answers are as those of calls with streams of
    /// their own.
    package static func carrier(_ carrier: GRPCCarrier, of methods: [GRPCMethod]) -> GRPCMethod {
        let carried = carrier.methods.compactMap { carried -> ServerCarrier.Method? in
            guard let method = methods.first(where: { $0.path.isSame(as: carried.path) }),
                case .unary(let handler) = method.handler
            else { return nil }
            return ServerCarrier.Method(kind: carried.kind, path: carried.path, handler: handler)
        }
        return GRPCMethod(path: carrier.path, handler: .carrier(carried))
    }

    /// A method with one request and any number of responses; the request is in the call's `message`.
    package static func serverStreaming(
        _ path: String,
        _ handler: @escaping @Sendable (GRPCCall, GRPCResponseWriter) async throws -> Void
    ) -> GRPCMethod {
        streaming(path) { call, requests, writer in
            let cardinality = GRPCStatus(.unimplemented, "\(path) takes exactly one request message; send one")
            var iterator = requests.makeAsyncIterator()
            guard let message = try await iterator.next() else { throw cardinality }
            guard try await iterator.next() == nil else { throw cardinality }
            var call = call
            call.message = message
            try await handler(call, writer)
        }
    }
}
