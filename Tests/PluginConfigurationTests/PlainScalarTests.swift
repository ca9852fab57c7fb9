// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

@Test(arguments: [
    ("", Value.null), ("~", .null), ("null", .null), ("NULL", .null), ("nUll", "nUll"),
    ("yes", true), ("On", true), ("TRUE", true), ("no", false), ("OFF", false), ("y", "y"), ("tRue", "tRue"),
    ("0", 0), ("-0", 0), ("12", 12), ("+7", 7), ("1_000", 1000), ("0x1F", 31), ("-0b101", -5), ("0755", 493),
    ("0o17", 15),
    ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
    ("9223372036854775808", .double(9223372036854775808)),
    ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("-1.5e-2", -0.015), ("1.", 1.0),
    (".inf", ".inf"), (".nan", ".nan"), ("1e999", "1e999"), ("0x", "0x"), ("08x", "08x"), ("-", "-"), ("+.", "+."),
    ("e5", "e5"),
    ("1:30", "1:30"), ("2024-05-01", "2024-05-01"), ("1.2.3", "1.2.3"), ("127.0.0.1", "127.0.0.1"), ("hello", "hello"),
])
func plainTextMeansWhatYAML11Says(text: String, value: Value) {
    #expect(PlainScalar.value(of: text) == value)
}

@Test func quotedTextStaysText() {
    let config = Attempt(
        """
        plugins:
          - name: a
            kind: k
            config: {quoted: "12", single: 'yes', plain: 12, tagged: !!str 12, forced: !!int "12", empty: "", nothing: }
        """
    ).settings?.plugins[0].config
    #expect(
        config == [
            "quoted": "12", "single": "yes", "plain": 12, "tagged": "12", "forced": 12, "empty": "", "nothing": nil,
        ])
}
