// SPDX-License-Identifier: Apache-2.0

internal import Values

/// Results of revision 2026-07-28, and the rounds of those that ask for input.
extension ClientCore {
    /// How long to wait before a request is made again whose result has asked for nothing but that; doubles up to the second.
    private static let firstPause = Duration.milliseconds(50)
    private static let longestPause = Duration.milliseconds(250)

    /// Makes a request again with what its results ask for, until there is another result.
    ///
    /// - Parameters:
    ///   - result: the first result, which asks for input.
    ///   - params: the parameters of the request as it was made first.
    ///   - begin: when that was; its time limit is for all rounds.
    func requestAgain(
        _ result: Document, _ method: String, _ params: Document?, _ options: MCPRequestOptions,
        since begin: ContinuousClock.Instant
    ) async throws(MCPClientError) -> Document {
        guard case .answered(let limit) = options.inputRequired else { return result }
        var result = result
        var rounds = 0
        var pause = Self.firstPause
        var options = options
        let end = options.progressTimeout.map { begin + $0 }
        while true {
            guard rounds < limit else {
                throw .transport("the server has asked for input to \(method) more than \(limit) times")
            }
            rounds += 1
            let input = try Self.input(result, method)
            var responses: Document?
            if input.requests.isEmpty {
                do { try await Task.sleep(for: pause) } catch { throw .cancelled }
                pause = min(pause * 2, Self.longestPause)
            } else {
                responses = try await answers(to: input.requests, options)
                pause = Self.firstPause
            }
            if let end {
                let left = end - .now
                guard left > .zero else {
                    throw .timeout("\(method) has not come to an end in time; raise its time limit, or ask for less")
                }
                options.progressTimeout = left
                options.timeout = min(options.timeout, left)
            }
            let state = input.state.map { Document(.string($0)) }
            let next = (params ?? Document(object: [:])).setting([
                ("inputResponses", responses), ("requestState", state),
            ])
            result = try await send(method, next, options)
            guard try asksForInput(result, method) else { return result }
        }
    }

    /// Whether a result asks for input; false for one that is complete, as one is that does not say.
    func asksForInput(_ result: Document, _ method: String) throws(MCPClientError) -> Bool {
        guard let type = result["resultType"], !type.isNull else { return false }
        guard case .string(let type) = type else {
            throw .transport("the server's result of \(method) has a resultType that is no string")
        }
        if type.hasSameBytes(as: "complete") { return false }
        guard type.hasSameBytes(as: MCPInputRequired.resultType) else {
            throw .transport("the server's result of \(method) is of the type \(type), which this client does not know")
        }
        return true
    }

    private static func input(_ result: Document, _ method: String) throws(MCPClientError) -> MCPInputRequired {
        do throws(JSONRPCError) {
            if let input = try MCPInputRequired(result) { return input }
        } catch {
            throw .transport("the server's result of \(method) cannot be followed: \(error.message)")
        }
        throw .transport("the server's result of \(method) does not ask for input")
    }

    /// Has all questions answered, at the same time; the first that is refused ends the others.
    private func answers(
        to requests: [MCPInputRequired.Request], _ options: MCPRequestOptions
    ) async throws(MCPClientError) -> Document {
        let answers = await withTaskGroup(
            of: (Int, Result<Document, JSONRPCError>).self, returning: Result<[Int: Document], JSONRPCError>.self
        ) { group in
            for (position, request) in requests.enumerated() {
                group.addTask { (position, await self.answer(request, options)) }
            }
            var answers: [Int: Document] = [:]
            for await (position, result) in group {
                switch result {
                case .success(let answer): answers[position] = answer
                case .failure(let error):
                    group.cancelAll()
                    return .failure(error)
                }
            }
            return .success(answers)
        }
        guard !Task.isCancelled else { throw .cancelled }
        switch answers {
        case .failure(let error): throw .rpc(error)
        case .success(let answers):
            var object: ValueObject = [:]
            for (position, request) in requests.enumerated() { object[request.key] = answers[position]?.value }
            return Document(object: object)
        }
    }

    private func answer(
        _ request: MCPInputRequired.Request, _ options: MCPRequestOptions
    ) async -> Result<Document, JSONRPCError> {
        do throws(JSONRPCError) {
            guard let onRequest = options.onRequest else {
                return .success(try await handler.request(request.method, request.params))
            }
            return .success(try await onRequest(request.method, request.params))
        } catch {
            return .failure(error)
        }
    }

    /// The request on whose stream of notifications a message came, by what the message says.
    func listening(_ params: Document?) -> ClientRequest? {
        guard let id = params?.document("_meta")?[MCPMetaKey.subscriptionID] else { return nil }
        return waiting(for: JSONRPCID(id))
    }
}
