// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginFramework
import Values

/// A plugin's context in the bytes of the contract's PluginContext, checked when it is made, decoded when somebody looks.
final class EncodedPluginContext: EncodedContext {
    private let bytes: ByteBuffer

    /// Takes bytes that were checked already.
    init(checked bytes: ByteBuffer) {
        self.bytes = bytes
    }

    /// The whole context.
    func decode() -> ContextValues {
        do throws(WireError) {
            return try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
                var values = ContextValues(global: GlobalContext(requestID: ""))
                try reader.decodeContext(into: &values)
                return values
            }
        } catch {
            // As in EncodedStruct: the check followed the same walk over the same bytes.
            preconditionFailure("a checked context does not decode: \(error)")
        }
    }
}

extension PluginContext {
    /// A context of bytes that were checked; without bytes, one that knows nothing.
    convenience init(checked bytes: ByteBuffer?) {
        if let bytes, bytes.readableBytes > 0 {
            self.init(encoded: EncodedPluginContext(checked: bytes))
        } else {
            self.init(global: GlobalContext(requestID: ""))
        }
    }
}

private enum ContextFields {
    static let global = WireTag(1, .lengthDelimited)
    static let state = WireTag(2, .lengthDelimited)
    static let metadata = WireTag(3, .lengthDelimited)
}

private enum GlobalFields {
    static let requestID = WireTag(1, .lengthDelimited)
    static let serverID = WireTag(2, .lengthDelimited)
    static let tenantID = WireTag(3, .lengthDelimited)
    static let userString = WireTag(4, .lengthDelimited)
    static let userStruct = WireTag(5, .lengthDelimited)
    static let metadata = WireTag(6, .lengthDelimited)
    static let state = WireTag(7, .lengthDelimited)

    /// Of peers of this product (source: gatehouse/v1/peer.proto, GlobalContextFields).
    static let userContext = WireTag(1000, .lengthDelimited)
    static let contentType = WireTag(1001, .lengthDelimited)
}

extension WireReader {
    /// Checks the rest of this message, a PluginContext.
    mutating func checkContext() throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case ContextFields.global:
                try message("global_context") { (content: inout WireReader) throws(WireError) in
                    try content.checkGlobal()
                }
            case ContextFields.state: try checkStruct("state")
            case ContextFields.metadata: try checkStruct("metadata")
            default: try skip(tag)
            }
        }
    }

    private mutating func checkGlobal() throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case GlobalFields.requestID: try checkText("request_id")
            case GlobalFields.serverID: try checkText("server_id")
            case GlobalFields.tenantID: try checkText("tenant_id")
            case GlobalFields.userString: try checkText("user_string")
            case GlobalFields.userStruct: try checkStruct("user_struct")
            case GlobalFields.metadata: try checkStruct("metadata")
            case GlobalFields.state: try checkStruct("state")
            case GlobalFields.userContext: try checkStruct("user_context")
            case GlobalFields.contentType: try checkText("content_type")
            default: try skip(tag)
            }
        }
    }

    private mutating func checkStruct(_ name: String) throws(WireError) {
        try message(name) { (content: inout WireReader) throws(WireError) in
            try content.checkStruct(depth: 1)
        }
    }

    private mutating func checkText(_ name: String) throws(WireError) {
        do throws(WireError) {
            _ = try checkedText()
        } catch {
            throw error.inside(name)
        }
    }
}

extension WireReader {
    /// Decodes the rest of this message, a PluginContext, on top of what was received before.
    mutating func decodeContext(into values: inout ContextValues) throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case ContextFields.global:
                try message("global_context") { (content: inout WireReader) throws(WireError) in
                    try content.decodeGlobal(into: &values.global)
                }
            case ContextFields.state: try decodeStruct("state", into: &values.state)
            case ContextFields.metadata: try decodeStruct("metadata", into: &values.metadata)
            default: try skip(tag)
            }
        }
    }

    private mutating func decodeGlobal(into global: inout GlobalContext) throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case GlobalFields.requestID: global.requestID = try string("request_id")
            case GlobalFields.serverID: global.serverID = Self.present(try string("server_id"))
            case GlobalFields.tenantID: global.tenantID = Self.present(try string("tenant_id"))
            case GlobalFields.userString: global.user = .string(try string("user_string"))
            case GlobalFields.userStruct:
                var user = Self.takeObject(&global.user)
                try decodeStruct("user_struct", into: &user)
                global.user = .object(user)
            case GlobalFields.metadata: try decodeStruct("metadata", into: &global.metadata)
            case GlobalFields.state: try decodeStruct("state", into: &global.state)
            case GlobalFields.userContext:
                var userContext = global.userContext.take() ?? [:]
                try decodeStruct("user_context", into: &userContext)
                global.userContext = userContext
            case GlobalFields.contentType: global.contentType = try string("content_type")
            default: try skip(tag)
            }
        }
    }

    /// The object in a place, which it leaves: a second reference to it would make each merge copy all of it.
    private static func takeObject(_ place: inout Value?) -> ValueObject {
        guard case .object(let object)? = place.take() else { return [:] }
        return object
    }

    /// An empty text stands for none: the contract has no other way to say it, and the reference reads it so.
    private static func present(_ text: String) -> String? {
        text.isEmpty ? nil : text
    }

    mutating func decodeStruct(_ name: String, into object: inout ValueObject) throws(WireError) {
        try message(name) { (content: inout WireReader) throws(WireError) in
            try content.decodeStruct(into: &object, depth: 1)
        }
    }
}

extension WireWriter {
    /// A field with a PluginContext.
    ///
    /// The contract has no place for `userContext` and `contentType`; they go to peers of ours alone.
    mutating func contextField(_ number: UInt32, _ values: ContextValues) throws(WireError) {
        let before = count
        do throws(WireError) {
            try structField(3, "metadata", values.metadata)
            try structField(2, "state", values.state)
            let global = count
            do throws(WireError) {
                try globalContent(values.global)
            } catch {
                throw error.inside("global_context")
            }
            close(1, since: global)
        } catch {
            throw error.inside("context")
        }
        close(number, since: before)
    }

    /// A field with a PluginContext of what a plugin keeps for itself alone; without any it is not written.
    mutating func ownContextField(_ number: UInt32, _ values: ContextValues) throws(WireError) {
        guard !values.state.isEmpty || !values.metadata.isEmpty else { return }
        let before = count
        do throws(WireError) {
            try structField(3, "metadata", values.metadata)
            try structField(2, "state", values.state)
        } catch {
            throw error.inside("context")
        }
        close(number, since: before)
    }

    private mutating func globalContent(_ global: GlobalContext) throws(WireError) {
        if features.contains(.contextFields) {
            if let contentType = global.contentType { memberField(1001, contentType) }
            if let userContext = global.userContext {
                try structField(1000, "user_context", Document(object: userContext))
            }
        }
        try structField(7, "state", global.state)
        try structField(6, "metadata", global.metadata)
        switch global.user {
        case nil, .null?: break
        case .string(let name)?: memberField(4, name)
        case .object(let user)?: try structField(5, "user", Document(object: user))
        case let other?:
            throw WireError(.type, "must be a string or an object, not \(other.kindDescription)", path: ["user"])
        }
        field(3, global.tenantID ?? "")
        field(2, global.serverID ?? "")
        field(1, global.requestID)
    }
}
