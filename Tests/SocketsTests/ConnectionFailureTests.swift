// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import Sockets
import Testing

@Suite struct ConnectionFailureTests {
    @Test func reasonsAreWordsOfTheSystem() {
        let refused = IOError(errnoCode: ECONNREFUSED, reason: "connection reset (error set)")
        #expect(ConnectionFailure.reason(refused) == "Connection refused")
        #expect(ConnectionFailure.reason(ChannelError.connectTimeout(.seconds(2))) == "no answer within 2000 ms")
    }
}
