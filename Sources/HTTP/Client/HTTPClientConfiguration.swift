// SPDX-License-Identifier: Apache-2.0

/// The limits and times of an HTTP client.
package struct HTTPClientConfiguration: Sendable {
    /// The most connections to one origin at a time; requests beyond wait for one.
    ///
    /// Open streams hold one each. Default 64.
    package var maxConnectionsPerOrigin = 64

    /// The most requests that wait for a connection to one origin; more fail at once.
    ///
    /// Default 10,000.
    package var maxWaitingRequests = 10_000

    /// How long a connection attempt may take, security included.
    ///
    /// Default 10 s.
    package var connectTimeout: Duration = .seconds(10)

    /// How long a connection without a request is kept.
    ///
    /// Less than the 5 s after which many servers (uvicorn among them) close theirs, because a request that meets the
    /// server's close is lost. Default 4 s.
    package var idleTimeout: Duration = .seconds(4)

    /// The most bytes of an answer's header fields.
    ///
    /// Default 64 KiB.
    package var maxHeaderSize = 64 << 10

    /// The most header fields of an answer, trailers included.
    ///
    /// Default 200.
    package var maxHeaderCount = 200

    /// How many bytes of a body are kept for a reader that does not read; then the connection is not read either.
    ///
    /// Default 256 KiB.
    package var readAhead = 256 << 10

    /// The defaults.
    package init() {}
}
