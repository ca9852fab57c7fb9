// SPDX-License-Identifier: Apache-2.0

/// Elements that leave in the order in which they came; what has left is let go of at once.
struct FIFOQueue<Element> {
    private var elements: [Element?] = []
    private var head = 0

    /// How many are waiting.
    var count: Int { elements.count - head }

    mutating func append(_ element: Element) {
        elements.append(element)
    }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        let element = elements[head].take()
        head += 1
        // Each element is moved at most once for each time the queue halves, so that a queue that never empties stays small.
        if head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }
}
