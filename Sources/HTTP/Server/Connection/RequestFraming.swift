// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1

/// What the header fields of a request say about the message itself.
struct RequestFraming {
    /// What `content-length` says; nil without one.
    var contentLength: Int?
    /// The body comes in chunks.
    var isChunked = false
    /// The client waits for 100 before it sends the body.
    var expectsContinue = false
    /// Nothing can be read from the connection after this request.
    var isLast = false

    /// Reads the header fields in one pass.
    ///
    /// The parser has refused what two readers could understand in two ways, such as `content-length` beside
    /// `transfer-encoding`; what it lets through and HTTP does not allow is refused here.
    static func read(
        _ head: HTTPRequestHead, configuration: HTTPServerConfiguration
    ) -> Result<RequestFraming, RequestRefusal> {
        var framing = RequestFraming()
        var hosts = 0
        var codings = 0
        for (name, value) in head.headers {
            guard value.utf8.allSatisfy(\.isFieldCharacter) else {
                return .failure(
                    RequestRefusal(
                        .badRequest, "the value of the header field \(name) has a control character; remove it"))
            }
            switch name.utf8.count {
            case 4 where name.isSameIgnoringCase(as: "host"):
                hosts += 1
                guard isHost(value) else {
                    return .failure(
                        RequestRefusal(.badRequest, "the header field Host is no host and port; send those alone"))
                }
            case 6 where name.isSameIgnoringCase(as: "expect"):
                guard value.isSameIgnoringCase(as: "100-continue") else {
                    return .failure(
                        RequestRefusal(.expectationFailed, "the only expectation that is understood is 100-continue"))
                }
                framing.expectsContinue = true
            case 7 where name.isSameIgnoringCase(as: "upgrade"):
                // The parser stops behind a request that asks for another protocol; it is answered in this one.
                framing.isLast = true
            case 14 where name.isSameIgnoringCase(as: "content-length"):
                guard let length = value.decimalNumber, framing.contentLength == nil else {
                    return .failure(RequestRefusal(.badRequest, "content-length is not one number; send one"))
                }
                framing.contentLength = length
            case 17 where name.isSameIgnoringCase(as: "transfer-encoding"):
                codings += 1
                guard value.isSameIgnoringCase(as: "chunked") else {
                    return .failure(
                        RequestRefusal(.notImplemented, "the only transfer-encoding that is understood is chunked"))
                }
                framing.isChunked = true
            default:
                break
            }
        }
        if head.version == .http1_1, hosts != 1 {
            return .failure(
                RequestRefusal(.badRequest, "a request of HTTP/1.1 has one header field Host, not \(hosts)"))
        }
        if framing.isChunked, codings > 1 || framing.contentLength != nil || head.version != .http1_1 {
            return .failure(
                RequestRefusal(.badRequest, "it cannot be told where the body ends; send it chunked or with its length")
            )
        }
        if let length = framing.contentLength, length > configuration.maxBodySize {
            return .failure(.bodyTooLarge(configuration))
        }
        if head.method == .CONNECT { framing.isLast = true }
        if framing.contentLength ?? 0 == 0, !framing.isChunked { framing.expectsContinue = false }
        return .success(framing)
    }

    /// Whether the text can be a host with or without a port, or is empty (RFC 9110, section 7.2).
    private static func isHost(_ text: String) -> Bool { text.utf8.allSatisfy(\.isHostCharacter) }
}

/// Why a request is not given to the responder; ends its connection.
struct RequestRefusal: Error {
    let status: HTTPResponseStatus
    let reason: String

    init(_ status: HTTPResponseStatus, _ reason: String) {
        self.status = status
        self.reason = reason
    }

    static func bodyTooLarge(_ configuration: HTTPServerConfiguration) -> RequestRefusal {
        RequestRefusal(
            .payloadTooLarge,
            "the body is over the limit of \(configuration.maxBodySize) bytes; "
                + "send less, or raise \(configuration.key("max_body_size")) on the server")
    }

    static func outOfMemory(limit: Int) -> RequestRefusal {
        RequestRefusal(
            .serviceUnavailable,
            "the server holds as many bytes of messages as it may (\(limit)); "
                + "try again later, or raise gatehouse.memory_budget on the server")
    }

    static func late(_ configuration: HTTPServerConfiguration) -> RequestRefusal {
        RequestRefusal(
            .requestTimeout,
            "the request did not arrive whole within \(configuration.requestTimeout); "
                + "send it faster, or raise \(configuration.key("request_timeout")) on the server")
    }

    /// What the parser found wrong.
    static func unparsable(_ error: any Error, _ configuration: HTTPServerConfiguration) -> RequestRefusal {
        switch error {
        case HTTPParserError.headerOverflow:
            RequestRefusal(
                .requestHeaderFieldsTooLarge,
                "the target or the header fields are over the limit of \(configuration.maxHeaderSize) bytes and "
                    + "\(configuration.maxHeaderCount) fields; send less, or raise \(configuration.key("max_header_size")) "
                    + "or \(configuration.key("max_header_count")) on the server")
        case HTTPParserError.invalidVersion:
            RequestRefusal(.httpVersionNotSupported, "this server speaks HTTP/1.1 only")
        case HTTPParserError.invalidEOFState:
            RequestRefusal(.badRequest, "the client ended the connection before the request was whole")
        default:
            RequestRefusal(
                .badRequest,
                "this is no request of HTTP/1.1 (\(error)); check the client, and that it uses no TLS if this port has none"
            )
        }
    }
}
