// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

#if canImport(Glibc)
    import Glibc
#endif

/// What every target of ours is compiled with: one list, so that no target drifts.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHPACK: Target.Dependency = .product(name: "NIOHPACK", package: "swift-nio-http2")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let jwt: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")

/// How the executable is linked for use: what is read at every start stays in memory, and is made small.
///
/// It has no table of its symbols for others, because there are none, and its relocations are packed, where the C library can
/// read them (glibc from 2.36). Together that is 4 MiB of 30. Functions on the way of a call lie side by side (dev/function-order); a
/// name in that list that no longer exists is nothing to warn of.
let linking: [LinkerSetting] = {
    var flags = [
        "-use-ld=lld", "-Xlinker", "--no-export-dynamic",
        "-Xlinker", "--symbol-ordering-file=\(Context.packageDirectory)/dev/function-order.txt",
        "-Xlinker", "--no-warn-symbol-ordering",
    ]
    #if canImport(Glibc)
        var name = [CChar](repeating: 0, count: 64)
        confstr(Int32(_CS_GNU_LIBC_VERSION), &name, name.count)
        let version = name.prefix { $0 != 0 }.split { !(48...57).contains($0) }.map { digits in
            digits.reduce(0) { 10 * $0 + Int($1) - 48 }
        }
        if version.count >= 2, version[0] > 2 || version[0] == 2 && version[1] >= 36 {
            flags += ["-Xlinker", "-z", "-Xlinker", "pack-relative-relocs"]
        }
    #endif
    return [.unsafeFlags(flags, .when(platforms: [.linux], configuration: .release))]
}()

func library(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.byName(name: name)] + dependencies,
        resources: resources,
        swiftSettings: settings
    )
}

let package = Package(
    name: "gatehouse",
    products: [
        .executable(name: "gatehouse", targets: ["gatehouse"]),
        .library(name: "PluginFramework", targets: ["PluginFramework", "Values"]),
        .library(name: "PluginServer", targets: ["PluginServer"]),
    ],
    dependencies: [
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CPluginTrace"),

        library("Values"),
        library("Watching"),
        library("PluginFramework", ["Values", "Watching", "CPluginTrace", logging]),
        library("PluginConfiguration", ["Values", "PluginFramework", yams]),
        library("PluginWire", ["Values", "PluginFramework", nio], exclude: ["Protos"]),
        library("Sockets", [nio, nioPosix, lifecycle]),
        library(
            "GRPC", ["CZlib", "Values", "Watching", "Sockets", nio, nioPosix, nioHTTP2, nioHPACK, logging, lifecycle],
            exclude: ["Protos"]),
        library(
            "GRPCTransport",
            ["Values", "PluginFramework", "PluginWire", "GRPC", "Sockets", "TransportSecurity", nio, logging]),
        library(
            "TransportSecurity",
            [
                "PluginFramework", "Sockets", "HTTP", nio, nioPosix, nioSSL, nioTLS, x509, crypto, cryptoExtras, asn1,
                logging,
                lifecycle,
            ]
        ),
        library("HTTP", ["Sockets", nio, nioPosix, nioHTTP1, logging, lifecycle]),
        library("Authentication", ["Values", "HTTP", "Sockets", nio, nioHTTP1, crypto, jwt, logging, lifecycle]),
        library(
            "ModelContextProtocol",
            ["Values", "HTTP", "Sockets", nio, nioPosix, nioHTTP1, subprocess, system, logging, lifecycle]),
        library(
            "DemoServer",
            [
                "Values", "ModelContextProtocol", "HTTP", "Sockets", nio, nioHTTP1, logging, lifecycle, signals,
            ]
        ),
        library(
            "SocketTransport",
            ["Values", "Watching", "PluginFramework", "PluginWire", "Sockets", nio, nioPosix, logging, lifecycle]),
        library(
            "MCPTransport",
            [
                "Values", "Watching", "PluginFramework", "ModelContextProtocol", "HTTP", "Sockets", "TransportSecurity",
                nio, nioHTTP1, logging,
            ]),
        library(
            "Gateway",
            [
                "Values", "PluginFramework", "ModelContextProtocol", "HTTP", "Sockets", "Authentication",
                "TransportSecurity", nio, nioPosix, nioHTTP1, crypto, logging, lifecycle,
            ]
        ),
        library("Bench", ["Values", histogram]),
        library("BuiltinPlugins", ["Values", "PluginFramework", "CPCRE2", logging]),
        library(
            "PluginServer",
            [
                "Values", "PluginFramework", "PluginConfiguration", "Sockets", "GRPC", "GRPCTransport",
                "SocketTransport", "TransportSecurity", "MCPTransport", "ModelContextProtocol", "HTTP", nio,
                nioPosix, logging, lifecycle, signals, argumentParser, "CPluginTrace",
            ]
        ),
        .executableTarget(
            name: "gatehouse",
            dependencies: [
                "Values", "PluginFramework", "PluginConfiguration", "PluginServer", "BuiltinPlugins", "GRPC",
                "GRPCTransport", "SocketTransport", "TransportSecurity", "MCPTransport", "HTTP", "ModelContextProtocol",
                "Gateway",
                "DemoServer", "Bench",
                "Sockets", nio, nioPosix, logging, lifecycle, signals, subprocess, argumentParser,
            ],
            swiftSettings: settings,
            linkerSettings: linking
        ),

        .executableTarget(
            name: "BusinessHours",
            dependencies: ["PluginFramework", "PluginServer"],
            path: "Examples/BusinessHours",
            exclude: ["config.yaml"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "EmbeddingExample",
            dependencies: ["PluginFramework", "Values", logging],
            path: "Examples/Embedding",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "PipelineLoad",
            dependencies: [
                "Values", "PluginFramework", "GRPC", "GRPCTransport", "Sockets", nio, nioPosix, logging, argumentParser,
            ],
            path: "Benchmarks/PipelineLoad",
            swiftSettings: settings
        ),
        .target(
            name: "CAllocationCount",
            path: "Benchmarks/CallBudget/CAllocationCount"
        ),
        .executableTarget(
            name: "CallBudget",
            dependencies: [
                "Values", "PluginFramework", "PluginWire", "HTTP", "ModelContextProtocol", "Gateway", "Sockets",
                "CAllocationCount", nio, nioPosix,
                nioHTTP1, logging,
            ],
            path: "Benchmarks/CallBudget/Driver",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "InteropPlugins",
            dependencies: ["Values", "PluginFramework", "PluginServer", "TransportProbe"],
            path: "Interop/TestPlugins",
            swiftSettings: settings
        ),

        // What tests of several targets use: randomness that can be repeated, and corpora.
        .target(name: "Fuzzing", path: "Tests/Fuzzing", swiftSettings: settings),

        // The plugin with which transports are shown; in a target of its own, because one of them needs it in another process.
        .target(
            name: "TransportProbe", dependencies: ["PluginFramework", "Values"], path: "Tests/TransportProbe",
            swiftSettings: settings),

        tests("Values", ["Fuzzing"]),
        tests("Watching"),
        tests("PluginFramework", ["Values", "Fuzzing", logging, "EmbeddingExample"]),
        tests("PluginConfiguration", ["PluginFramework", "Values", "Fuzzing"]),
        tests(
            "PluginWire", ["PluginFramework", "Values", "Sockets", "Fuzzing", protobuf, nio],
            resources: [.copy("Corpora")]),
        tests("Sockets", [nio, nioPosix]),
        tests(
            "GRPC",
            ["Sockets", "Fuzzing", nio, nioPosix, nioEmbedded, nioHTTP2, nioHPACK, logging, lifecycle, "CZlib"],
            resources: [.copy("Corpora")]),
        tests(
            "GRPCTransport",
            [
                "GRPC", "PluginWire", "PluginFramework", "Values", "Sockets", "TransportSecurity", nio, nioPosix,
                nioHPACK, logging, lifecycle,
            ]
        ),
        tests(
            "TransportSecurity",
            [
                "GRPC", "GRPCTransport", "HTTP", "ModelContextProtocol", "MCPTransport", "Gateway", "PluginFramework",
                "Values", "Sockets", nio, nioPosix, nioHTTP1, nioSSL, nioTLS, x509, crypto, logging,
            ]
        ),
        tests("HTTP", ["Sockets", "Fuzzing", nio, nioPosix, nioEmbedded, nioHTTP1, logging, lifecycle]),
        tests(
            "Authentication",
            ["Values", "HTTP", "Sockets", nio, nioPosix, nioHTTP1, crypto, cryptoExtras, logging, lifecycle]),
        tests(
            "ModelContextProtocol",
            [
                "Values", "HTTP", "Sockets", "DemoServer", "Fuzzing", nio, nioPosix, nioEmbedded, nioHTTP1, logging,
                lifecycle,
            ], resources: [.copy("Corpora")]),
        tests(
            "SocketTransport",
            ["PluginWire", "PluginFramework", "Values", "Sockets", nio, nioPosix, nioEmbedded, logging, lifecycle]),
        tests(
            "MCPTransport",
            [
                "ModelContextProtocol", "HTTP", "PluginFramework", "Values", "Sockets", nio, nioPosix, nioHTTP1,
                logging,
                lifecycle,
            ]),
        tests(
            "Gateway",
            [
                "ModelContextProtocol", "HTTP", "PluginFramework", "Values", "Sockets", nio, nioPosix, nioHTTP1, crypto,
                logging,
            ]
        ),
        tests("Bench", ["Values", "Sockets", nio, nioPosix]),
        tests("BuiltinPlugins", ["PluginFramework", "Values", "Fuzzing", logging], resources: [.copy("Resources")]),
        .testTarget(
            name: "TransportTests",
            dependencies: [
                "GRPC", "GRPCTransport", "SocketTransport", "MCPTransport", "ModelContextProtocol", "HTTP",
                "PluginFramework", "PluginWire", "Values", "Sockets", "Fuzzing", "TransportProbe", "InteropPlugins",
                nio,
                nioPosix, logging,
            ],
            swiftSettings: settings
        ),
        tests("PluginServer", ["PluginFramework", "PluginConfiguration", "Values", logging, argumentParser]),
    ],
    swiftLanguageModes: [.v6]
)
