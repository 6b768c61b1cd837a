#include "kernels/build_info.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "kernels/blas.h"

TEST_CASE("the linked OpenBLAS is a build that is safe under concurrent calls") {
  const herm::BuildInfo info = herm::build_info();
  CHECK(info.blas_parallel != herm::BlasParallel::sequential);
  CHECK(info.blas_config.find("OpenBLAS") != std::string::npos);
  CHECK(!info.blas_core.empty());
}

TEST_CASE("LAPACKE is linked: a 2x2 singular value decomposition") {
  // [2×2] antidiagonal, so its singular values are known.
  double matrix[4] = {0.0, 3.0, 4.0, 0.0};
  double values[2] = {};
  double unused[1] = {};
  const lapack_int status = LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'N', 2, 2, matrix, 2, values, unused, 2, unused, 2);
  REQUIRE(status == 0);
  CHECK(values[0] == doctest::Approx(4.0));
  CHECK(values[1] == doctest::Approx(3.0));
}

TEST_CASE("a dimension beyond 32 bits is refused by name") {
  CHECK(herm::blas_dim(7, "rows") == 7);
  const std::size_t too_large = std::size_t{1} << 31;
  CHECK_THROWS_WITH_AS(herm::blas_dim(too_large, "rows"), doctest::Contains("rows"), std::length_error);
}
