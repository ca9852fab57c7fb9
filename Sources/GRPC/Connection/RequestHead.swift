// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK

/// What the headers of a request say, or why they cannot be served.
struct RequestHead {
    var method: MethodTable.Entry
    var timeout: Duration?
    var encoding: MessageEncoding

    /// What to do with a request.
    enum Verdict {
        case accept(RequestHead)
        /// Not gRPC: an answer by HTTP status alone.
        case http(status: HTTPStatus)
        /// gRPC, ended with a status.
        case fail(GRPCStatus)
    }

    /// The HTTP statuses a gRPC server answers with when a request is not gRPC (gRPC: "HTTP2 Transport Mapping").
    enum HTTPStatus {
        case methodNotAllowed, unsupportedMediaType
    }

    /// Reads a header block in one pass.
    ///
    /// - Parameters:
    ///   - lastMethod: the method of the connection's last call, which most calls use again.
    static func read(_ headers: HPACKHeaders, methods: MethodTable, lastMethod: MethodTable.Entry?) -> Verdict {
        var path: String?
        var isPost = false
        var isGRPC = false
        var timeout: Duration?
        var encoding: MessageEncoding? = .identity
        var encodingName = ""
        var malformedTimeout: String?
        for (name, value, _) in headers {
            switch name.utf8.count {
            case 5 where name.isSame(as: ":path"):
                path = value
            case 7 where name.isSame(as: ":method"):
                isPost = value.isSame(as: "POST")
            case 12 where name.isSame(as: "content-type"):
                isGRPC = isGRPCContentType(value)
            case 12 where name.isSame(as: "grpc-timeout"):
                timeout = GRPCTimeout.duration(value)
                if timeout == nil { malformedTimeout = value }
            case 13 where name.isSame(as: "grpc-encoding"):
                encoding = MessageEncoding(headerValue: value)
                encodingName = value
            default:
                break
            }
        }
        guard isPost else { return .http(status: .methodNotAllowed) }
        guard isGRPC else { return .http(status: .unsupportedMediaType) }
        let path_ = path ?? ""
        guard let method = lastMethod.flatMap({ $0.path.isSame(as: path_) ? $0 : nil }) ?? methods[path_] else {
            return .fail(GRPCStatus(.unimplemented, "there is no method \(path_); check service and method name"))
        }
        if let malformedTimeout {
            return .fail(
                GRPCStatus(
                    .internal,
                    "malformed grpc-timeout \"\(malformedTimeout)\"; send 1 to 8 digits and a unit of H, M, S, m, u or n"
                )
            )
        }
        guard let encoding else {
            return .fail(
                GRPCStatus(
                    .unimplemented,
                    "grpc-encoding \"\(encodingName)\" is not supported; use one of \(MessageEncoding.accepted)"
                )
            )
        }
        return .accept(RequestHead(method: method, timeout: timeout, encoding: encoding))
    }

    /// `application/grpc`, or that with `+proto`, each with or without parameters.
    static func isGRPCContentType(_ value: String) -> Bool {
        guard value.hasPrefixBytes("application/grpc") else { return false }
        let rest = value.utf8.dropFirst(16)
        guard let next = rest.first else { return true }
        if next == UInt8(ascii: ";") || next == UInt8(ascii: " ") { return true }
        guard value.hasPrefixBytes("application/grpc+proto") else { return false }
        guard let end = rest.dropFirst(6).first else { return true }
        return end == UInt8(ascii: ";") || end == UInt8(ascii: " ")
    }
}

/// The value of `grpc-timeout`: at most eight digits and a unit (gRPC over HTTP2, "Requests").
enum GRPCTimeout {
    /// The time it says, or nil when it is malformed.
    static func duration(_ text: String) -> Duration? {
        let bytes = text.utf8
        guard (2...9).contains(bytes.count), let unit = bytes.last else { return nil }
        var number: Int64 = 0
        for digit in bytes.dropLast() {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        switch unit {
        case UInt8(ascii: "H"): return .seconds(number * 3_600)
        case UInt8(ascii: "M"): return .seconds(number * 60)
        case UInt8(ascii: "S"): return .seconds(number)
        case UInt8(ascii: "m"): return .milliseconds(number)
        case UInt8(ascii: "u"): return .microseconds(number)
        case UInt8(ascii: "n"): return .nanoseconds(number)
        default: return nil
        }
    }

    /// The text for a time that is left, in the finest unit that eight digits hold, rounded up.
    static func text(_ time: TimeAmount) -> String {
        let nanoseconds = max(1, time.nanoseconds)
        for (unit, size) in [("n", 1), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000)] as [(String, Int64)] {
            let number = (nanoseconds - 1) / size + 1
            if number <= 99_999_999 { return "\(number)\(unit)" }
        }
        return "99999999S"
    }
}
