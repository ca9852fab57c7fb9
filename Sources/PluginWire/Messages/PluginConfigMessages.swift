// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import Values

/// Asks for the configuration of one plugin.
package struct GetPluginConfigRequest: WireMessage, Equatable {
    /// The plugin's name; its case does not matter to servers.
    package var name: String

    /// Makes a request.
    package init(name: String) {
        self.name = name
    }

    package init(decoding bytes: ByteBuffer) throws(WireError) {
        name = try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            var name = ""
            while let tag = try reader.nextTag() {
                if tag == WireTag(1, .lengthDelimited) {
                    name = try reader.string("name")
                } else {
                    try reader.skip(tag)
                }
            }
            return name
        }
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {
        var writer = WireWriter()
        writer.field(1, name)
        writer.finish(into: &buffer)
    }
}

/// The configuration of one plugin, or that there is no such plugin.
package struct GetPluginConfigResponse: WireMessage, Equatable {
    /// The plugin's entry with every key present; nil when the server has no plugin of that name.
    package var config: Document?

    /// Makes an answer.
    package init(config: Document?) {
        self.config = config
    }

    package init(decoding bytes: ByteBuffer) throws(WireError) {
        config = try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            var found = false
            var config = ByteBuffer?.none
            while let tag = try reader.nextTag() {
                switch tag {
                case WireTag(1, .varint): found = try reader.varint() != 0
                case WireTag(2, .lengthDelimited):
                    try reader.checkedStruct("config", of: bytes, into: &config)
                default: try reader.skip(tag)
                }
            }
            return found ? Document(checkedStruct: config) : nil
        }
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {
        guard let config else { return }
        var writer = WireWriter()
        try writer.structField(2, "config", config)
        writer.field(1, true)
        writer.finish(into: &buffer)
    }
}

/// Asks for the configuration of every plugin.
package struct GetPluginConfigsRequest: WireMessage, Equatable {
    /// Makes a request.
    package init() {}

    package init(decoding bytes: ByteBuffer) throws(WireError) {
        try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            while let tag = try reader.nextTag() { try reader.skip(tag) }
        }
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {}
}

/// The configurations of all plugins of a server, disabled ones included.
package struct GetPluginConfigsResponse: WireMessage, Equatable {
    /// One entry a plugin, with every key present.
    package var configs: [Document]

    /// Makes an answer.
    package init(configs: [Document]) {
        self.configs = configs
    }

    package init(decoding bytes: ByteBuffer) throws(WireError) {
        configs = try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            var configs: [Document] = []
            while let tag = try reader.nextTag() {
                if tag == WireTag(1, .lengthDelimited) {
                    var config = ByteBuffer?.none
                    do throws(WireError) {
                        try reader.checkedStruct(String(configs.count), of: bytes, into: &config)
                    } catch {
                        throw error.inside("configs")
                    }
                    configs.append(Document(checkedStruct: config))
                } else {
                    try reader.skip(tag)
                }
            }
            return configs
        }
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {
        var writer = WireWriter()
        for (index, config) in configs.enumerated().reversed() {
            do throws(WireError) {
                try writer.structField(1, String(index), config)
            } catch {
                throw error.inside("configs")
            }
        }
        writer.finish(into: &buffer)
    }
}
