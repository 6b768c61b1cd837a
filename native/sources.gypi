{
  "variables": {
    "herm_cxx_standard": "20",
    "herm_addon_defines": ["NAPI_VERSION=8", "NDEBUG"],
    "herm_includes": ["native"],
    "herm_compile_options": [
      "-O3",
      "-ffp-contract=off",
      "-fno-math-errno",
      "-fvisibility=hidden",
      "-fvisibility-inlines-hidden",
      "-fexceptions",
      "-frtti",
      "-pthread",
      "-Wall",
      "-Wextra",
      "-Wshadow"
    ],
    "herm_kernel_sources": [
      "native/kernels/activation.cc",
      "native/kernels/bend_kernel.cc",
      "native/kernels/block_distance.cc",
      "native/kernels/build_info.cc",
      "native/kernels/certificate.cc",
      "native/kernels/decompose.cc",
      "native/kernels/dense.cc",
      "native/kernels/dtype.cc",
      "native/kernels/exact_tree.cc",
      "native/kernels/forward.cc",
      "native/kernels/gid.cc",
      "native/kernels/gid_pair.cc",
      "native/kernels/gram.cc",
      "native/kernels/hermite_closed.cc",
      "native/kernels/hermite_quadrature.cc",
      "native/kernels/interaction.cc",
      "native/kernels/lane_copy.cc",
      "native/kernels/cost_estimate.cc",
      "native/kernels/merge_operator.cc",
      "native/kernels/merge_plain.cc",
      "native/kernels/merge_rounds.cc",
      "native/kernels/merge_state.cc",
      "native/kernels/normal_moments.cc",
      "native/kernels/planes.cc",
      "native/kernels/refit.cc",
      "native/kernels/sca.cc",
      "native/kernels/sca_pair.cc",
      "native/kernels/mixture.cc",
      "native/kernels/skeleton_walk.cc",
      "native/kernels/symmetry.cc",
      "native/kernels/threads.cc"
    ],
    "herm_binding_sources": [
      "native/binding/addon.cc",
      "native/binding/args.cc",
      "native/binding/certificate.cc",
      "native/binding/dense.cc",
      "native/binding/exact_tree.cc",
      "native/binding/info.cc",
      "native/binding/interaction.cc",
      "native/binding/merge.cc",
      "native/binding/planes.cc"
    ],
    "herm_test_sources": [
      "test/native/main.cc",
      "test/native/build_info_test.cc",
      "test/native/merge_test.cc"
    ]
  }
}
