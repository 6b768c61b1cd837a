// Nodes and weights of 16-point Gauss-Legendre on [−1, 1]; the other half mirrored.
#pragma once

#include <array>

namespace herm {

constexpr std::array<double, 8> kGaussNode{0.0950125098376374402, 0.2816035507792589132, 0.4580167776572273863,
                                           0.6178762444026437484, 0.7554044083550030339, 0.8656312023878317439,
                                           0.9445750230732325761, 0.9894009349916499326};
constexpr std::array<double, 8> kGaussWeight{0.1894506104550684963, 0.1826034150449235889, 0.1691565193950025382,
                                             0.1495959888165767321, 0.1246289712555338720, 0.0951585116824927848,
                                             0.0622535239386478929, 0.0271524594117540949};

}  // namespace herm
