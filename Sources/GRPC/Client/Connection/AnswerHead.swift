// SPDX-License-Identifier: Apache-2.0

import NIOHPACK

/// What a header block of a server says: the first of an answer, or the last.
struct AnswerHead {
    /// The HTTP status; nil in trailers.
    private(set) var httpStatus: Int?
    private(set) var isGRPC = false
    /// Nil when it names one that is not known.
    private(set) var encoding: MessageEncoding? = .identity
    private(set) var encodingName = ""
    private(set) var contentType = ""
    private var statusText: String?
    private var message = ""

    init(_ headers: HPACKHeaders) {
        for (name, value, _) in headers {
            switch name.utf8.count {
            case 7 where name.isSame(as: ":status"):
                httpStatus = Int(value)
            case 11 where name.isSame(as: "grpc-status"):
                statusText = value
            case 12 where name.isSame(as: "content-type"):
                contentType = value
                isGRPC = RequestHead.isGRPCContentType(value)
            case 12 where name.isSame(as: "grpc-message"):
                message = value
            case 13 where name.isSame(as: "grpc-encoding"):
                encoding = MessageEncoding(headerValue: value)
                encodingName = value
            default:
                break
            }
        }
    }

    /// Whether it is a 1xx that precedes the answer.
    var isInformational: Bool { httpStatus.map { (100..<200).contains($0) } ?? false }

    /// Whether there is a `grpc-status`.
    var hasStatus: Bool { statusText != nil }

    /// The status of the call, if there is one.
    var status: GRPCStatus? {
        guard let statusText else { return nil }
        guard let number = UInt8(statusText), let code = GRPCStatus.Code(rawValue: number) else {
            // Codes from later versions count as UNKNOWN (gRPC: doc/statuscodes.md).
            return GRPCStatus(
                .unknown, "the server ended the call with the unknown status \"\(Self.shown(statusText))\"")
        }
        return GRPCStatus(code, code == .ok ? "" : PercentEncoding.decode(message))
    }

    /// Why an answer that begins so is none of gRPC's; nil when it is one.
    var complaint: GRPCStatus? {
        guard let httpStatus else {
            return GRPCStatus(.internal, "the answer has no HTTP status; check what listens at the target")
        }
        guard httpStatus == 200 else {
            // gRPC: doc/http-grpc-status-mapping.md
            let code: GRPCStatus.Code =
                switch httpStatus {
                case 400: .internal
                case 401: .unauthenticated
                case 403: .permissionDenied
                case 404: .unimplemented
                case 429, 502, 503, 504: .unavailable
                default: .unknown
                }
            return GRPCStatus(
                code, "the server answered with HTTP status \(httpStatus); check that the target is a gRPC server")
        }
        guard isGRPC else {
            return GRPCStatus(
                .unknown,
                "the answer's content-type is \"\(Self.shown(contentType))\", not application/grpc; "
                    + "check that the target is a gRPC server")
        }
        return nil
    }

    private static func shown(_ text: String) -> String {
        text.utf8.count <= 64 ? text : String(decoding: text.utf8.prefix(64), as: UTF8.self) + "…"
    }
}
