// Compiling one elementwise loop for several instruction sets, the best of which is chosen as the program loads. Such a loop
// gives the same bits on every CPU: each element goes through the same IEEE operations, and -ffp-contract=off keeps them
// from being fused. Loops that add up across elements must name their lanes (kLanes partial sums) to stay so.
#pragma once

// Needs ifunc (glibc), and resolvers that run before sanitizers are ready.
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HERM_MULTIVERSION __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define HERM_MULTIVERSION
#endif
