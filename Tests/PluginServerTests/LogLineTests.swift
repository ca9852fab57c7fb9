// SPDX-License-Identifier: Apache-2.0

import Logging
import PluginFramework
import PluginServer
import Testing
import Values

@Suite struct LogLineTests {
    private func line(
        _ format: StderrLogHandler.Format, _ message: Logger.Message, _ metadata: Logger.Metadata = [:]
    ) -> String {
        var handler = StderrLogHandler(label: "gatehouse", level: .info, format: format)
        handler[metadataKey: "plugin"] = "P"
        return handler.line(level: .warning, message: message, metadata: metadata)
    }

    @Test func aTextLineHasTimeLevelMessageAndSortedMetadata() {
        let text = line(.text, "Something happened", ["b": "two words", "a": "1"])
        #expect(text.hasSuffix(" WARNING  Something happened a=1 b=\"two words\" plugin=P"))
        let year = text.prefix(4)
        #expect(Int(year) ?? 0 >= 2026)
        #expect(text.contains("T") && text.contains("Z "))
    }

    @Test(arguments: [
        "a\nERROR forged", "a\r\nb", "\u{1B}[31mred", "a\u{7F}", "a\u{9B}31m", "a\u{202E}b", "a\u{2028}b",
    ])
    func nothingThatIsLoggedCanForgeASecondLine(text: String) {
        for line in [line(.text, "\(text)", ["key": "\(text)"]), line(.json, "\(text)", ["key": "\(text)"])] {
            let unsafe: [Unicode.Scalar] = ["\u{7F}", "\u{9B}", "\u{202E}", "\u{2028}"]
            #expect(!line.unicodeScalars.contains { $0.value < 0x20 || unsafe.contains($0) })
        }
    }

    @Test func aJSONLineIsAnObjectThatKeepsItsOwnKeys() throws {
        let text = line(.json, "Said \"so\"", ["message": "mine", "list": ["x", "y"], "map": ["k": "v"]])
        let value = try JSONParser.decode(text.utf8)
        #expect(value["level"] == "warning")
        #expect(value["message"] == "Said \"so\"")
        #expect(value["plugin"] == "P")
        #expect(value["list"] == ["x", "y"])
        #expect(value["map"] == ["k": "v"])
    }
}
