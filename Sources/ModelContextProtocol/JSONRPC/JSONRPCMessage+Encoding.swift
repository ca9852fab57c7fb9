// SPDX-License-Identifier: Apache-2.0

package import Values

extension JSONRPCMessage {
    /// The message as compact JSON, without a line feed.
    ///
    /// Parameters and results that are still in the JSON they came in are written as they are.
    package func encoded() -> [UInt8] {
        var writer = JSONWriter()
        writer.reserveCapacity(sizeHint)
        write(to: &writer)
        return writer.bytes
    }

    /// Appends the message.
    package func write(to writer: inout JSONWriter) {
        switch self {
        case .request(let id, let method, let params):
            writer.raw(#"{"jsonrpc":"2.0","id":"#)
            writer.write(id)
            writer.raw(#","method":"#)
            writer.write(method)
            Self.write(params, to: &writer)
            writer.raw("}")
        case .notification(let method, let params):
            writer.raw(#"{"jsonrpc":"2.0","method":"#)
            writer.write(method)
            Self.write(params, to: &writer)
            writer.raw("}")
        case .response(let id, let result):
            writer.raw(#"{"jsonrpc":"2.0""#)
            if let id {
                writer.raw(#","id":"#)
                writer.write(id)
            }
            switch result {
            case .success(let document):
                writer.raw(#","result":"#)
                writer.write(document)
            case .failure(let error):
                writer.raw(#","error":{"code":"#)
                writer.write(.int(Int64(error.code)))
                writer.raw(#","message":"#)
                writer.write(error.message)
                if let data = error.data {
                    writer.raw(#","data":"#)
                    writer.write(data)
                }
                writer.raw("}")
            }
            writer.raw("}")
        }
    }

    /// About as many bytes as the message takes, if what it holds has not been decoded.
    private var sizeHint: Int {
        let content: Document? =
            switch self {
            case .request(_, _, let params), .notification(_, let params): params
            case .response(_, .success(let result)): result
            case .response(_, .failure): nil
            }
        return 128 + ((content?.encoded as? EncodedJSON)?.count ?? 128)
    }

    private static func write(_ params: Document?, to writer: inout JSONWriter) {
        guard let params else { return }
        writer.raw(#","params":"#)
        writer.write(params)
    }
}

extension JSONWriter {
    /// Appends an id.
    fileprivate mutating func write(_ id: JSONRPCID) {
        switch id {
        case .string(let text): write(text)
        case .integer(let number): write(.int(number))
        }
    }
}
