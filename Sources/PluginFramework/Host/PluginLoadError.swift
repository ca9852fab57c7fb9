// SPDX-License-Identifier: Apache-2.0

/// Why plugins could not be loaded: everything that is wrong, at once.
public struct PluginLoadError: Error, Sendable, CustomStringConvertible {
    /// One fault.
    public struct Fault: Sendable, Equatable {
        /// The plugin's place in the list of entries.
        public var index: Int
        /// The plugin's name.
        public var plugin: String
        /// The key within the entry ("config.words.3.search"); empty for the whole entry.
        public var key: String
        /// What is wrong and what to do.
        public var message: String

        /// Makes a fault.
        public init(index: Int, plugin: String, key: String, message: String) {
            self.index = index
            self.plugin = plugin
            self.key = key
            self.message = message
        }
    }

    /// All faults, in the order of the entries.
    public var faults: [Fault]

    /// Makes an error.
    public init(faults: [Fault]) {
        self.faults = faults
    }

    /// One line a fault.
    public var description: String {
        faults.map { fault in
            let key = fault.key.isEmpty ? "" : ".\(fault.key)"
            return "plugins[\(fault.index)] (\(fault.plugin))\(key): \(fault.message)"
        }.joined(separator: "\n")
    }
}
