// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import NIOCore
import Sockets
import Testing

@Suite struct UnixListeningTests {
    /// A folder of its own for a test.
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        var template = Array("/tmp/gatehouse-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    private func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : nil
    }

    private func open(_ path: String, mode: UInt32 = 0o600, group: String? = nil) throws -> ListeningSocket {
        try .open(.unix(UnixSocketSettings(path: path, mode: mode, group: group)))
    }

    /// A socket file whose server is gone.
    private func makeStale(_ path: String) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        precondition(result == 0)
        Glibc.close(descriptor)
    }

    @Test func answersAndIsRemovedAtTheEnd() async throws {
        try await withFolder { folder in
            let path = folder + "/s.sock"
            let listener = try open(path)
            let channels = try await listener.serve { echoBootstrap() }
            #expect(listener.warnings == [])
            #expect(mode(path) == 0o600)
            #expect(try await echo(path: path))
            for channel in channels { try await channel.close() }
            listener.close()
            #expect(mode(path) == nil)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
        }
    }

    @Test(arguments: [0o600, 0o660, 0o666] as [UInt32])
    func theModeIsExactlyWhatWasAskedFor(_ wanted: UInt32) async throws {
        try await withFolder { folder in
            let listener = try open(folder + "/s", mode: wanted)
            #expect(mode(folder + "/s") == wanted)
            listener.close()
        }
    }

    @Test func isNeverOpenToOthersWhileItIsMade() async throws {
        try await withFolder { folder in
            // A thread looks as often as it can while sockets come and go.
            let path = folder + "/s"
            let stop = folder + "/stop"
            let watcher = Task.detached { () -> mode_t in
                var seen: mode_t = 0
                var status = stat()
                while access(stop, F_OK) != 0 {
                    if lstat(path, &status) == 0 { seen |= status.st_mode & 0o777 }
                }
                return seen
            }
            for _ in 0..<500 { try open(path).close() }
            #expect(FileManager.default.createFile(atPath: stop, contents: nil))
            #expect(await watcher.value & 0o077 == 0)
        }
    }

    @Test func aGroupIsGivenTheFile() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            let listener = try open(path, mode: 0o660, group: String(getgid()))
            var status = stat()
            #expect(lstat(path, &status) == 0)
            #expect(status.st_gid == getgid())
            #expect(status.st_mode & 0o777 == 0o660)
            listener.close()
        }
    }

    @Test func anUnknownGroupIsAnErrorAndLeavesNothingBehind() async throws {
        try await withFolder { folder in
            let error = #expect(throws: SocketError.self) { try open(folder + "/s", group: "no-such-group") }
            #expect(error?.message.contains("no-such-group") == true)
            #expect(mode(folder + "/s") == nil)
        }
    }

    @Test func aStaleSocketIsReplaced() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            makeStale(path)
            let listener = try open(path)
            let channels = try await listener.serve { echoBootstrap() }
            #expect(try await echo(path: path))
            for channel in channels { try await channel.close() }
            listener.close()
        }
    }

    @Test func theLiveSocketOfAnotherServerIsRefused() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            let first = try open(path)
            let channels = try await first.serve { echoBootstrap() }
            let error = #expect(throws: SocketError.self) { try open(path) }
            #expect(error?.code == .addressInUse)
            #expect(try await echo(path: path))
            for channel in channels { try await channel.close() }
            first.close()
        }
    }

    @Test func aFileThatIsNoSocketIsNeverRemoved() async throws {
        try await withFolder { folder in
            let path = folder + "/data"
            #expect(FileManager.default.createFile(atPath: path, contents: Data("precious".utf8)))
            let error = #expect(throws: SocketError.self) { try open(path) }
            #expect(error?.code == .addressInUse)
            #expect(FileManager.default.contents(atPath: path) == Data("precious".utf8))
        }
    }

    @Test func ofManyServersAtOnceExactlyOneWins() async throws {
        try await withFolder { folder in
            for round in 0..<20 {
                let path = folder + "/s\(round)"
                if round % 2 == 0 { makeStale(path) }
                let winners = await withTaskGroup(of: ListeningSocket?.self) { group in
                    for _ in 0..<8 { group.addTask { try? open(path) } }
                    return await group.reduce(into: [ListeningSocket]()) { if let socket = $1 { $0.append(socket) } }
                }
                #expect(winners.count == 1)
                for winner in winners { winner.close() }
            }
        }
    }

    @Test func onlyTheOwnerRemovesTheFile() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            let first = try open(path)
            // As when somebody removed the file by hand and started another server.
            unlink(path)
            let second = try open(path)
            first.close()
            #expect(mode(path) != nil)
            second.close()
            #expect(mode(path) == nil)
        }
    }

    @Test func aPathOf107BytesWorksAndALongerOneIsAnError() async throws {
        try await withFolder { folder in
            let name = String(repeating: "n", count: 107 - folder.utf8.count - 1)
            try open("\(folder)/\(name)").close()
            let error = #expect(throws: SocketError.self) { try open("\(folder)/\(name)n") }
            #expect(error?.code == .invalidAddress)
            #expect(error?.message.contains("107") == true)
        }
    }

    @Test(arguments: ["relative.sock", "", "/tmp/", "/no-such-folder-xyz/s", "/dev/null/s"])
    func pathsThatCannotBeAreInvalid(_ path: String) {
        let error = #expect(throws: SocketError.self) { try open(path) }
        #expect(error?.code == .invalidAddress || error?.code == .systemFailure)
        #expect(error?.message.contains("unix:\(path)") == true)
    }

    @Test func aWorldWritableFolderIsWarnedAbout() async throws {
        try await withFolder { folder in
            chmod(folder, 0o777)
            let listener = try open(folder + "/s")
            #expect(listener.warnings.count == 1)
            #expect(listener.warnings.first?.contains(folder) == true)
            listener.close()
        }
    }
}
