// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK

/// One call of a connection.
///
/// `@unchecked Sendable`: every variable is read and written on the connection's event loop only; the task of the call
/// carries a reference just to hand it back there.
final class CallStream: @unchecked Sendable {
    let id: StreamID
    let head: RequestHead
    let headers: HPACKHeaders
    let opened: NIODeadline
    /// The client's deadline, for timers and as handlers see it.
    let deadline: NIODeadline?
    let clockDeadline: ContinuousClock.Instant?

    /// Whether the method is a streaming one, whose call may live for as long as the client wants.
    let isStreaming: Bool
    /// Counted among the open streaming calls of the connection.
    var countsAsStreaming = false
    /// The first message of a streaming call has arrived.
    var hasFirstMessage = false

    /// Messages half received; for a unary call the first whole one as well.
    var reader = MessageReader()
    var message: ByteBuffer?
    /// The client has sent all of its request.
    var requestEnded = false
    /// When the request, or of a streaming call the message that is arriving, began to arrive.
    var receivingSince: NIODeadline
    /// What the client may still send.
    var inboundWindow: Int
    /// Request messages of a streaming call on their way to the handler.
    var requests: RequestQueue?
    /// What its messages are for, when it carries calls.
    var carrier: ServerCarrier?
    /// Bytes in `requests`, as the event loop knows it.
    var queuedBytes = 0

    var headersSent = false
    /// The final status is written or queued.
    var answered: NIODeadline?
    /// Messages of a streaming answer that are not yet written.
    var sendsInFlight = 0
    /// HTTP/2 is done with the stream.
    var isClosed = false

    /// The handler is running, or about to.
    var isRunning = false
    var task: Task<Void, Never>?
    var deadlineTimer: Scheduled<Void>?
    /// Bytes taken from the budget for this call.
    var reserved = 0

    init(id: StreamID, head: RequestHead, headers: HPACKHeaders, now: NIODeadline, window: Int) {
        self.id = id
        self.head = head
        self.headers = headers
        if case .streaming = head.method.handler { isStreaming = true } else { isStreaming = false }
        opened = now
        receivingSince = now
        inboundWindow = window
        if let timeout = head.timeout {
            deadline = now + TimeAmount(timeout)
            clockDeadline = .now + timeout
        } else {
            deadline = nil
            clockDeadline = nil
        }
    }
}
