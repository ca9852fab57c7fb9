// SPDX-License-Identifier: Apache-2.0

package import Logging

extension PublishedKeys {
    /// Keys published under a URL.
    package convenience init(
        at address: SecureAddress, times: PublishedKeysTimes, client: SecureClient, logger: Logger
    ) {
        self.init(name: address.description, times: times, logger: logger) { timeout throws(KeyError) in
            try await client.get(address, timeout: timeout, maximumSize: KeySet.maximumDocumentSize)
        }
    }

    /// Keys in a file, which is read again like a URL.
    package convenience init(inFile path: String, times: PublishedKeysTimes, logger: Logger) {
        self.init(name: path, times: times, logger: logger) { _ throws(KeyError) in
            try KeyFile.read(path)
        }
    }
}
