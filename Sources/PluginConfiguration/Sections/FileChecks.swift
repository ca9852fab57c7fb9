// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What the file system says about paths of the configuration.
enum FileChecks {
    /// What keeps a file from being read; nil when nothing does.
    static func fileProblem(_ path: String) -> String? {
        var information = stat()
        guard stat(path, &information) == 0 else { return "\"\(path)\" \(reason(errno))" }
        guard information.st_mode & S_IFMT == S_IFREG else { return "\"\(path)\" is no file" }
        return access(path, R_OK) == 0 ? nil : "\"\(path)\" may not be read by this user"
    }

    /// What keeps a folder from being used; nil when nothing does.
    static func folderProblem(_ path: String) -> String? {
        var information = stat()
        guard stat(path, &information) == 0 else { return "\"\(path)\" \(reason(errno))" }
        return information.st_mode & S_IFMT == S_IFDIR ? nil : "\"\(path)\" is no folder"
    }

    /// Whether nothing is there.
    static func isMissing(_ path: String) -> Bool {
        var information = stat()
        return stat(path, &information) != 0 && errno == ENOENT
    }

    /// Whether a file may be run.
    static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

    /// Whether everybody may make files in a folder, and so take a socket's place.
    static func isWorldWritable(_ path: String) -> Bool {
        var information = stat()
        return stat(path, &information) == 0 && information.st_mode & S_IWOTH != 0
    }

    /// The folder that holds a file.
    static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func reason(_ number: CInt) -> String {
        switch number {
        case ENOENT, ENOTDIR: "does not exist"
        case EACCES: "cannot be looked at by this user"
        default: strerror(number).map { String(cString: $0) } ?? "cannot be looked at"
        }
    }
}

extension LoadSession {
    /// The path with a leading `~/` replaced by the home folder.
    func expandingHome(_ path: String) -> String {
        guard path == "~" || path.hasPrefix("~/"), let home = environment["HOME"] else { return path }
        return home + path.dropFirst(1)
    }

    /// A file that has to be there: its path, or nil with an error.
    ///
    /// An empty path counts as none, as in ContextForge.
    func existingFile(_ setting: Sourced<String>?, _ path: KeyPathText) -> String? {
        guard let setting, !setting.value.isEmpty else { return nil }
        let file = expandingHome(setting.value)
        guard requiresFiles, let problem = FileChecks.fileProblem(file) else { return file }
        error(setting.source, path, "\(problem); give the path of a readable file (PEM)")
        return nil
    }

    /// Checks the path of a Unix socket.
    ///
    /// - Returns: The path, or nil with an error.
    func socketPath(_ setting: Sourced<String>, _ path: KeyPathText, warns: Bool = true) -> String? {
        let file = expandingHome(setting.value)
        guard file.utf8.first == UInt8(ascii: "/") else {
            error(setting.source, path, "\"\(file)\" is not absolute; give a path that begins with /")
            return nil
        }
        // sun_path has 108 bytes, the last for its end (unix(7)).
        guard file.utf8.count <= 107 else {
            error(
                setting.source, path,
                "has \(file.utf8.count) bytes; the path of a socket may have 107, give a shorter one")
            return nil
        }
        let folder = FileChecks.parent(of: file)
        if let problem = FileChecks.folderProblem(folder) {
            error(setting.source, path, "the socket's folder \(problem); create it, or give a path in another")
            return nil
        }
        if warns, FileChecks.isWorldWritable(folder) {
            warn(
                setting.source, path,
                "everybody may write to the socket's folder \"\(folder)\", so another user could take the socket's place; "
                    + "use a folder of its own with mode 0700")
        }
        return file
    }
}
