// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The standard input and output that a process was started with, once nothing else can reach them.
///
/// Afterwards what anybody prints goes to standard error, and who reads standard input finds its end: a plugin's `print`
/// cannot corrupt the protocol, nor can a library eat the client's messages.
package struct ProtocolStreams: Sendable {
    /// The client's messages.
    package let input: CInt
    /// Ours.
    package let output: CInt

    /// Takes the streams; to be called before anything that might use them is started.
    ///
    /// Nil when one of them is not open.
    package static func take() -> ProtocolStreams? {
        let input = fcntl(0, F_DUPFD_CLOEXEC, 3)
        let output = fcntl(1, F_DUPFD_CLOEXEC, 3)
        let nothing = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard input >= 0, output >= 0, nothing >= 0, dup2(nothing, 0) == 0, dup2(2, 1) == 1 else { return nil }
        _ = Glibc.close(nothing)
        return ProtocolStreams(input: input, output: output)
    }
}
