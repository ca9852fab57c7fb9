// SPDX-License-Identifier: Apache-2.0

import Glibc
import PluginServer

@main
enum Main {
    static func main() async {
        exit(await CommandExit.run(Gatehouse.self))
    }
}
