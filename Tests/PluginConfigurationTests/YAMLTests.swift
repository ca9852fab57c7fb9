// SPDX-License-Identifier: Apache-2.0

import Foundation
import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

@Test(arguments: [
    ("", "server.yaml: is empty; list plugins under `plugins:`"),
    ("# only a comment\n", "server.yaml: is empty; list plugins under `plugins:`"),
    ("~", "server.yaml: is empty; list plugins under `plugins:`"),
    ("---\n", "server.yaml: is empty; list plugins under `plugins:`"),
    ("just text", "server.yaml:1: is a string, not a configuration; give a mapping that begins with `plugins:`"),
    ("\n- a\n- b\n", "server.yaml:2: is a list, not a configuration; give a mapping that begins with `plugins:`"),
    ("plugins: []\nplugins: []\n", "server.yaml:1: plugins: appears more than once in one mapping; keep one"),
    (
        "plugins:\n\t- name: a\n",
        "server.yaml:2: is no YAML here: found character that cannot start any token while scanning for the next token "
            + "(line 2); indent with spaces, not with tabs"
    ),
    (
        "plugins: [\n",
        "server.yaml:2: is no YAML here: did not find expected node content while parsing a flow node (line 2); "
            + "check the indentation, quotes and brackets"
    ),
    (
        "a: b: c\n",
        "server.yaml:1: is no YAML here: mapping values are not allowed in this context; "
            + "quote values that hold a colon, or check the indentation"
    ),
    (
        "plugins: *nowhere\n",
        "server.yaml:1: is no YAML here: found undefined alias; define the anchor before its use"
    ),
    ("plugins: []\n? [a]\n: b\n", "server.yaml:2: has a key that is no text; give it a name"),
    ("plugins: []\n~: b\n", "server.yaml:2: has a key that is no text; give it a name"),
    (
        "plugins: !!python/object:os.system []\n",
        "server.yaml:1: plugins: has the tag tag:yaml.org,2002:python/object:os.system, which is not understood; remove it"
    ),
    ("plugins: []\n<<: 3\n", "server.yaml:2: << needs a mapping, or a list of them; name their anchors"),
])
func whatIsNoConfigurationIsToldWithItsLine(yaml: String, error: String) {
    #expect(Attempt(yaml).errors == [error])
}

@Test func twoDocumentsAreAnError() {
    let errors = Attempt("plugins: []\n---\nplugins: []\n").errors
    #expect(errors.count == 1)
    #expect(errors.first?.hasPrefix("server.yaml:2: is no YAML here: but found another document") == true)
}

@Test func anchorsAndMergesWork() {
    let attempt = Attempt(
        """
        plugins:
          - &base
            name: one
            kind: k
            tags: [a, b]
            priority: 5
          - <<: *base
            name: two
            priority: 6
          - <<: [{description: first}, {description: second, author: me}]
            name: three
            kind: k
        """)
    #expect(attempt.errors == [])
    let plugins = attempt.settings?.plugins ?? []
    #expect(plugins.map(\.name) == ["one", "two", "three"])
    #expect(plugins.map(\.priority) == [5, 6, 100])
    #expect(plugins[1].tags == ["a", "b"])
    #expect(plugins[2].description == "first")
    #expect(plugins[2].author == "me")
}

@Test func nestingEndsAtAHundredLevels() {
    func config(_ depth: Int) -> String {
        "plugins:\n  - name: a\n    kind: k\n    config: {a: " + String(repeating: "[", count: depth)
            + String(repeating: "]", count: depth) + "}\n"
    }
    // The document, the list, the entry and `config` are four levels.
    #expect(Attempt(config(96)).errors == [])
    let error = Attempt(config(97)).errors
    #expect(error.count == 1 && error[0].contains("nests more than 100 levels"))
    for depth in [500, 1_000, 5_000, 100_000] {
        #expect(Attempt(config(depth)).errors.count == 1)
    }
}

@Test func aliasesCannotMultiplyAFileWithoutBound() {
    var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
        yaml +=
            "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ") + "]\n"
    }
    let errors = Attempt(yaml).errors
    #expect(errors.count == 1)
    #expect(errors.first?.contains("more than 200000 values once its aliases are expanded") == true)
}

@Test func byteOrderMarkAndCarriageReturnsAreFine() throws {
    let bytes = [0xEF, 0xBB, 0xBF] + Array("plugins:\r\n  - name: a\r\n    kind: k\r\n    nmae: x\r\n".utf8)
    let text = try ConfigurationFile.text(of: bytes)
    #expect(Attempt(text).errors.map { String($0.prefix(35)) } == ["server.yaml:4: plugins[0].nmae: unk"])
}

@Test(arguments: [
    ([UInt8]("plugins: []\n\u{0}".utf8), 2, "holds the control character 0x00, so it is no YAML; give a text file"),
    ([0x7F, 0x45, 0x4C, 0x46], 1, "holds the control character 0x7F, so it is no YAML; give a text file"),
    ([0x0A, 0x0A, 0x61, 0xC3, 0x28], 3, "is not valid UTF-8; save it as UTF-8"),
    ([0xFF, 0xFE, 0x61, 0x00], 1, "is UTF-16; save it as UTF-8"),
])
func whatIsNoTextIsToldWithItsLine(bytes: [UInt8], line: Int, message: String) {
    #expect { try ConfigurationFile.text(of: bytes) } throws: { error in
        let failure = error as? ConfigurationFile.Failure
        return failure?.line == line && failure?.message == message
    }
}

private func fileErrors(_ path: String) -> [String] {
    var loader = ConfigurationLoader(environment: [:])
    loader.overrides.config = path
    do throws(ConfigurationError) {
        _ = try loader.load()
        return []
    } catch {
        return error.errors.map(\.description)
    }
}

@Test func filesThatCannotBeReadAreToldWithWhatToDo() throws {
    let folder = try TemporaryFolder()
    let missing = folder.path + "/none.yaml"
    #expect(
        fileErrors(missing) == [
            "\(missing): does not exist; create it, or give another with --config or PLUGINS_CONFIG_PATH"
        ])
    #expect(fileErrors(folder.path) == ["\(folder.path): is a folder; give the path of a YAML file in it"])
    let empty = try folder.file("empty.yaml", "")
    #expect(fileErrors(empty) == ["\(empty): is empty; list plugins under `plugins:`"])
    #expect(fileErrors(empty + "/x").count == 1)
    #expect(fileErrors("/dev/zero") == ["/dev/zero: is longer than 4 MiB; a configuration is shorter"])
    #expect(fileErrors("/dev/null") == ["/dev/null: is empty; list plugins under `plugins:`"])
    if getuid() != 0 {
        let secret = try folder.file("secret.yaml", "plugins: []", mode: 0)
        #expect(fileErrors(secret).first?.contains("may not be read by this user") == true)
    }
}

@Test func theFileIsFoundByFlagThenVariableThenDefault() {
    var loader = ConfigurationLoader(environment: [:])
    #expect(loader.path.value == "./resources/plugins/config.yaml")
    loader.environment["PLUGINS_CONFIG_PATH"] = ""
    #expect(loader.path.source == .defaultValue)
    loader.environment["PLUGINS_CONFIG_PATH"] = "/a"
    #expect(loader.path.value == "/a")
    loader.overrides.config = "/b"
    #expect(loader.path.value == "/b")
}
