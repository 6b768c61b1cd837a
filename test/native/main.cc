#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "kernels/threads.h"

int main(int argc, char** argv) {
  herm::use_one_blas_thread();
  return doctest::Context(argc, argv).run();
}
