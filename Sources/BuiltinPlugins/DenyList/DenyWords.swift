// SPDX-License-Identifier: Apache-2.0

/// Many plain texts searched for at once (Aho and Corasick, 1975): one step a byte, however many words there are.
struct DenyWords: Sendable {
    /// What follows a state: the next state for each byte class. State 0 is the begin.
    private let transitions: [Int32]
    private let accepts: [Bool]
    /// The class of each byte: bytes that are in no word are all the same.
    private let classes: [UInt8]
    private let classCount: Int

    /// - Parameter words: none of them empty.
    init(_ words: [String]) {
        var classes = [UInt8](repeating: 0, count: 256)
        var classCount = 1
        // 255 distinct bytes at most: UTF-8 never has 0xC0, 0xC1, 0xF5 to 0xFF.
        for byte in words.joined().utf8 where classes[Int(byte)] == 0 {
            classes[Int(byte)] = UInt8(classCount)
            classCount += 1
        }
        var next = [Int32](repeating: -1, count: classCount)
        var accepts = [false]
        for word in words {
            var state = 0
            for byte in word.utf8 {
                let slot = state * classCount + Int(classes[Int(byte)])
                if next[slot] < 0 {
                    next[slot] = Int32(accepts.count)
                    accepts.append(false)
                    next.append(contentsOf: repeatElement(-1, count: classCount))
                }
                state = Int(next[slot])
            }
            accepts[state] = true
        }
        Self.link(&next, &accepts, classCount)
        transitions = next
        self.accepts = accepts
        self.classes = classes
        self.classCount = classCount
    }

    /// Fills in where to go when a word breaks off: to the longest end of it that begins a word.
    private static func link(_ next: inout [Int32], _ accepts: inout [Bool], _ classCount: Int) {
        var fallback = [Int](repeating: 0, count: accepts.count)
        var queue: [Int] = []
        for slot in 0..<classCount {
            if next[slot] > 0 { queue.append(Int(next[slot])) } else { next[slot] = 0 }
        }
        var head = 0
        while head < queue.count {
            let state = queue[head]
            head += 1
            if accepts[fallback[state]] { accepts[state] = true }
            for slot in 0..<classCount {
                let target = next[state * classCount + slot]
                let other = next[fallback[state] * classCount + slot]
                if target >= 0 {
                    fallback[Int(target)] = Int(other)
                    queue.append(Int(target))
                } else {
                    next[state * classCount + slot] = other
                }
            }
        }
    }

    /// Whether any of the words is in `text`.
    func occur(in text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            var state = 0
            for byte in bytes {
                state = Int(transitions[state * classCount + Int(classes[Int(byte)])])
                if accepts[state] { return true }
            }
            return false
        }
    }
}
