// SPDX-License-Identifier: Apache-2.0

import NIOHPACK

/// The header blocks of answers; those of ordinary calls are made once.
enum ResponseHeaders {
    /// In front of the first message.
    static let initial: HPACKHeaders = [
        ":status": "200", "content-type": "application/grpc", "grpc-accept-encoding": MessageEncoding.accepted,
    ]

    /// After the last message of a call that went well.
    static let okTrailers: HPACKHeaders = ["grpc-status": "0"]

    /// After the last message, or as the only header block when nothing was sent before ("Trailers-Only").
    static func trailers(_ status: GRPCStatus, only: Bool) -> HPACKHeaders {
        var headers = only ? initial : HPACKHeaders()
        headers.add(name: "grpc-status", value: String(status.code.rawValue))
        if !status.message.utf8.isEmpty {
            headers.add(
                name: "grpc-message",
                value: PercentEncoding.encode(shortened(status.message)),
                // Texts differ from call to call; in the dynamic table they would only push useful entries out.
                indexing: .nonIndexable
            )
        }
        return headers
    }

    /// The answer to a request that is not gRPC.
    static func http(_ status: RequestHead.HTTPStatus) -> HPACKHeaders {
        switch status {
        case .methodNotAllowed:
            return [":status": "405", "allow": "POST", "content-length": "0"]
        case .unsupportedMediaType:
            return [":status": "415", "accept": "application/grpc", "content-length": "0"]
        }
    }

    /// Clients limit the headers they take to 8 KiB (grpc-core), and a byte may take three when encoded.
    private static func shortened(_ text: String) -> String {
        let limit = 2_000
        guard text.utf8.count > limit else { return text }
        return String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "…"
    }
}
