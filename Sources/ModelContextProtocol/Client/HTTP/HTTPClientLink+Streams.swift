// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Values

/// Streams of events: the answers to requests, and what belongs to none.
extension HTTPClientLink {
    /// Where a stream has come to, for going on with it later.
    private struct Place {
        var lastEventID: String?
        /// After how long the server wants to be asked again.
        var retry: TimeAmount = .seconds(1)
    }

    /// Reads the stream that answers a request up to the answer.
    ///
    /// A stream that ends before, after events with ids, is gone on with as the specification has it (Resumability).
    func readAnswer(to request: ClientRequest, _ response: HTTPClientResponse) async throws(MCPClientError) -> Document
    {
        var place = Place()
        var response = response
        while true {
            if let result = try await read(response, &place, of: request) {
                finish(response)
                return try Self.result(result)
            }
            guard place.lastEventID != nil else {
                throw .transport("\(address) ended its answer before the result; see the server's log")
            }
            let resumption = min(NIODeadline.now() + place.retry, request.deadline)
            try await sleep(until: resumption)
            response = try await execute(streamRequest(place), deadline: request.deadline)
            guard response.status == .ok, response.headers.isEventStream else {
                throw .transport("\(address) ended its answer before the result, and does not go on with it")
            }
            let body = response.body
            request.whenDeadlineChanges { body.setDeadline($0) }
        }
    }

    /// Reads one stream to its end, or to the answer to a request.
    ///
    /// - Returns: the answer, if it came.
    private func read(
        _ response: HTTPClientResponse, _ place: inout Place, of request: ClientRequest?
    ) async throws(MCPClientError) -> Result<Document, JSONRPCError>? {
        var decoder = ServerSentEventDecoder(maxEventSize: core.limits.maxMessageBytes + 1_024)
        while true {
            let piece: ByteBuffer?
            do throws(HTTPClientError) {
                piece = try await response.body.next()
            } catch {
                // A stream that breaks off is one that may be gone on with.
                if error.code == .connectionLost, place.lastEventID != nil || request == nil { return nil }
                throw MCPClientError(error, address)
            }
            guard let piece else { return nil }
            decoder.feed(piece)
            do throws(ServerSentEventError) {
                while let event = try decoder.next() {
                    if let retry = event.retry { place.retry = .milliseconds(Int64(min(max(retry, 10), 60_000))) }
                    // Streams of revision 2026-07-28 cannot be gone on with.
                    if let id = event.id, !isModern { place.lastEventID = id.isEmpty ? nil : id }
                    guard event.data.readableBytes > 0, event.event ?? "message" == "message" else { continue }
                    if let result = take(event, of: request) {
                        // What follows the answer is of no interest: the stream is to end now.
                        return result
                    }
                }
            } catch {
                throw .transport("\(address) sent events that cannot be read: \(error.message)")
            }
            await core.notifications.waitForRoom()
        }
    }

    private func take(_ event: ServerSentEvent, of request: ClientRequest?) -> Result<Document, JSONRPCError>? {
        switch JSONRPCMessage.decode(Array(buffer: event.data)) {
        case .success(.response(let id, let result)):
            // Another request's answer, or one that nobody waits for, is dropped.
            guard let request, id == .integer(request.id) else { return nil }
            return result
        case .success(.notification(let method, let params)):
            core.take(method, params, of: request)
        case .success(.request(let id, let method, let params)):
            core.serve(id, method, params, of: request)
        case .failure(let fault):
            core.logger.warning(
                "an MCP server sent an event that is no JSON-RPC message",
                metadata: ["server": "\(address)", "error": "\(fault.error.message)"])
        }
        return nil
    }

    /// Reads a stream to its end, which comes right after the answer, so that its connection can be used again.
    private func finish(_ response: HTTPClientResponse) {
        let body = response.body
        body.setDeadline(.now() + .seconds(2))
        core.tasks.start(on: core.executor) {
            while (try? await body.next()) != nil {}
        }
    }

    private func sleep(until deadline: NIODeadline) async throws(MCPClientError) {
        let wait = deadline - .now()
        guard wait > .zero else { return }
        do { try await Task.sleep(for: Duration(wait)) } catch { throw .cancelled }
    }

    // MARK: The stream of what belongs to no request

    /// Holds a GET stream open until the session ends, or until the server says that it has none.
    func runStream() async {
        var place = Place()
        var wasOpen = false
        var failures = 0
        while !Task.isCancelled, core.endReason == nil {
            let opened = NIODeadline.now()
            do throws(MCPClientError) {
                let response = try await execute(
                    streamRequest(place), deadline: opened + TimeAmount(core.limits.connectTimeout))
                if response.status == .ok, response.headers.isEventStream {
                    wasOpen = true
                    response.body.setDeadline(nil)
                    _ = try await read(response, &place, of: nil)
                } else if await !mayComeBack(response, wasOpen: wasOpen) {
                    return
                }
            } catch {
                guard error != .cancelled else { return }
                core.logger.debug(
                    "the stream of notifications of an MCP server broke off",
                    metadata: ["server": "\(address)", "error": "\(error)"])
            }
            // Twice as long after each stream that did not last, up to a minute.
            failures = NIODeadline.now() - opened > .seconds(10) ? 0 : min(failures + 1, 6)
            let wait = min(place.retry.nanoseconds << Int64(failures), TimeAmount.seconds(60).nanoseconds)
            do throws(MCPClientError) { try await sleep(until: .now() + .nanoseconds(wait)) } catch { return }
        }
    }

    private func streamRequest(_ place: Place) -> HTTPClientRequest {
        var headers = headers
        headers.remove(name: "content-type")
        headers.replaceOrAdd(name: "accept", value: "text/event-stream")
        if let last = place.lastEventID { headers.replaceOrAdd(name: "last-event-id", value: last) }
        return HTTPClientRequest(method: .GET, address: address, headers: headers)
    }

    /// Whether a server that has refused the stream may open it later; notes the loss of the session.
    private func mayComeBack(_ response: HTTPClientResponse, wasOpen: Bool) async -> Bool {
        switch response.status.code {
        case 500..., 429:
            response.body.cancel()
            return true
        case 404 where wasOpen:
            _ = await failure(of: response, for: nil)
            return false
        default:
            // A server without such a stream says 405.
            response.body.cancel()
            core.logger.log(
                level: response.status == .methodNotAllowed ? .debug : .info,
                "an MCP server has no stream of notifications",
                metadata: ["server": "\(address)", "status": "\(response.status.code)"])
            return false
        }
    }
}
