// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Synchronization

/// A raw socket server that does to each connection what a test says, with blocking calls on threads of its own.
final class ScriptedServer: Sendable {
    /// One accepted connection.
    struct Peer: Sendable {
        fileprivate let descriptor: CInt

        /// The next frame; nil when the client has closed the connection.
        func frame() -> [UInt8]? {
            guard let head = receive(4) else { return nil }
            return receive(head.reduce(0) { $0 << 8 | Int($1) })
        }

        func send(frame: [UInt8]) { send(RawSocket.prefixed(frame)) }

        func send(_ bytes: [UInt8]) {
            _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        }

        private func receive(_ count: Int) -> [UInt8]? {
            var bytes: [UInt8] = []
            while bytes.count < count {
                var piece = [UInt8](repeating: 0, count: count - bytes.count)
                let received = recv(descriptor, &piece, piece.count, 0)
                guard received > 0 else { return nil }
                bytes += piece.prefix(received)
            }
            return bytes
        }
    }

    let path = TestSocketServer.temporaryPath()
    private let listener: CInt
    private let accepted = Atomic(0)

    /// How many connections there were.
    var connections: Int { accepted.load(ordering: .relaxed) }

    /// Listens, and runs the script for each connection; the connection is closed at its end.
    init(_ script: @escaping @Sendable (Peer, Int) -> Void) {
        let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        self.listener = listener
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        _ = listen(listener, 64)
        DispatchQueue.global().async { [weak self] in
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0, let number = self?.accepted.add(1, ordering: .relaxed).newValue else { return }
                DispatchQueue.global().async {
                    script(Peer(descriptor: descriptor), number)
                    _ = close(descriptor)
                }
            }
        }
    }

    /// Accepts no more.
    func stop() {
        shutdown(listener, CInt(SHUT_RDWR))
        _ = close(listener)
        unlink(path)
    }
}
