// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

private func expand(_ text: String, _ environment: [String: String] = [:]) -> String {
    do throws(EnvironmentTemplate.Failure) {
        return try EnvironmentTemplate.expand(text, environment: environment).text
    } catch {
        return "failure: \(error.message)"
    }
}

@Test(arguments: [
    ("plain", "plain"),
    ("{{ env.A }}", "one"),
    ("{{env.A}}", "one"),
    ("x{{ env.A }}y{{ env.EMPTY }}z", "xoneyz"),
    ("{{ env.EMPTY }}", ""),
    ("{{ env.C | default(\"d\") }}", "d"),
    ("{{ env.C|default('d') }}", "d"),
    ("{{ env.C | default(env.A) }}", "one"),
    ("{{ env.C | default(env.D | default(\"redis://r:6379/0\")) }}", "redis://r:6379/0"),
    ("{{ env.EMPTY | default(\"d\") }}", ""),
    ("{{ env.EMPTY | default(\"d\", true) }}", "d"),
    ("{{ env.A | default(\"d\") }}", "one"),
    ("{{ title }} and {{ user.name }}", "{{ title }} and {{ user.name }}"),
    ("{{ environment }}", "{{ environment }}"),
    ("{{ env.A", "{{ env.A"),
    ("}} {{", "}} {{"),
])
func templatesExpandVariablesAndLeaveTheRest(template: String, expected: String) {
    #expect(expand(template, ["A": "one", "EMPTY": ""]) == expected)
}

@Test func aVariableThatIsNotSetIsAnErrorThatNamesIt() {
    #expect(
        expand("{{ env.NOPE }}")
            == "failure: the environment variable NOPE is not set; set it, or write {{ env.NOPE | default(\"…\") }}")
    #expect(expand("{{ env.C | default(env.D) }}").contains("variable D is not set"))
}

@Test(arguments: [
    "{{ env.A | upper }}", "{{ env }}", "{{ env['A'] }}", "{{ env.A + 1 }}", "{{ env.A | default( }}", "{{ env. }}",
])
func otherExpressionsOverVariablesAreErrors(template: String) {
    #expect(expand(template, ["A": "1"]).contains("is not understood; write {{ env.NAME }}"))
}

@Test func expandedPlainTextIsTypedAndQuotedTextIsNot() {
    let attempt = Attempt(
        """
        plugins:
          - name: "{{ env.NAME }}"
            kind: k
            config:
              plain: {{ env.N }}
              quoted: "{{ env.N }}"
              inside: a-{{ env.N }}
              list: [ "{{ env.N }}", x ]
              "{{ env.KEY }}": v
        """, environment: ["N": "42", "NAME": "n", "KEY": "k2"])
    #expect(attempt.errors == [])
    let entry = attempt.settings?.plugins.first
    #expect(entry?.name == "n")
    #expect(entry?.config == ["plain": 42, "quoted": "42", "inside": "a-42", "list": ["42", "x"], "k2": "v"])
    #expect(entry?.secretPaths == ["plain", "quoted", "inside", "list.0"])
}

@Test func missingVariablesAreAllReportedWithTheirLines() {
    let attempt = Attempt(
        """
        plugins:
          - name: a
            kind: k
            config:
              one: "{{ env.ONE }}"
              two: {{ env.TWO }}
          - name: off
            kind: k
            mode: disabled
            config: {three: "{{ env.THREE }}"}
        """)
    #expect(
        attempt.errors == [
            "server.yaml:5: plugins[0].config.one: the environment variable ONE is not set; set it, "
                + "or write {{ env.ONE | default(\"…\") }}",
            "server.yaml:6: plugins[0].config.two: the environment variable TWO is not set; set it, "
                + "or write {{ env.TWO | default(\"…\") }}",
        ])
    #expect(
        attempt.warnings.contains { $0.hasPrefix("server.yaml:10: plugins[1].config.three: the environment variable") })
}
