// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import Sockets

/// Makes calls on one connection, past the channel's dispatcher: what a channel wants to know of the server behind it.
package struct GRPCConnectionCaller: Sendable {
    let connection: ClientConnection
    let timeout: Duration

    /// The address that the connection leads to.
    package var peer: String { connection.peer }

    /// Makes a unary call, which ends at the latest when the exchange must be over.
    package func unary(_ path: String, _ message: ByteBuffer) async throws(GRPCStatus) -> ByteBuffer {
        let shared = connection.shared
        let request = GRPCMessage.framed(message)
        guard shared.budget.reserve(request.readableBytes) else { throw connection.overBudget }
        let call = ClientCall(
            path: path, metadata: [], deadline: .now() + TimeAmount(timeout), request: request, isCounted: false,
            budget: shared.budget)
        connection.submit(call)
        let outcome = await withTaskCancellationHandler {
            await call.outcome()
        } onCancel: {
            connection.dispatcher.cancel(call)
        }
        return try outcome.get()
    }
}
