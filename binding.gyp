{
  "includes": ["native/sources.gypi"],
  "variables": {
    "herm_link%": "libs",
    "node_addon_api": "<!(node -p \"path.dirname(require.resolve('node-addon-api'))\")"
  },
  "targets": [
    {
      "target_name": "hermkit",
      "sources": ["<@(herm_kernel_sources)", "<@(herm_binding_sources)"],
      "include_dirs": ["<@(herm_includes)"],
      "defines": ["<@(herm_addon_defines)"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17"],
      "cflags_cc": [
        "-std=c++<(herm_cxx_standard)",
        "<@(herm_compile_options)",
        "-isystem <(node_addon_api)",
        "<!@(sh native/cmake/find-libs.sh cflags)"
      ],
      "libraries": ["<!@(sh native/cmake/find-libs.sh <(herm_link))"],
      "conditions": [
        ["herm_link=='static'", { "sources": ["<@(herm_portable_sources)"] }],
        ["OS=='mac'", {
          "xcode_settings": {
            "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
            "GCC_ENABLE_CPP_RTTI": "YES",
            "CLANG_CXX_LANGUAGE_STANDARD": "c++<(herm_cxx_standard)",
            "OTHER_CPLUSPLUSFLAGS": ["<@(herm_compile_options)", "-isystem <(node_addon_api)", "<!@(sh native/cmake/find-libs.sh cflags)"]
          }
        }]
      ]
    }
  ]
}
