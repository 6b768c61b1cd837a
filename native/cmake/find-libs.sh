#!/bin/sh
# Prints the compiler or linker flags of the system libraries. Both builds (CMakeLists.txt and
# binding.gyp) call this script, so they cannot link different libraries.
#
#   sh native/cmake/find-libs.sh cflags|libs
#   sh native/cmake/find-libs.sh static        linker flags of a portable binary
#   sh native/cmake/find-libs.sh openblas      prints the folder of the OpenBLAS that is used
#
# OpenBLAS must be the pthread build. Debian's serial build returns wrong singular values when two
# threads call it at once, so it is refused here, and the addon checks the library again as it loads.
set -eu

fail() {
  echo "hermkit: $1" >&2
  exit 1
}

command -v pkg-config >/dev/null || fail "pkg-config is missing; install it (in a source tree: npm run setup)."

# Debian keeps each OpenBLAS build in a directory of its own and points the generic openblas.pc at one
# of them through update-alternatives: ask for the pthread one by its directory, whatever the default is.
for dir in /usr/lib/*/openblas-pthread /opt/homebrew/opt/openblas/lib /usr/local/opt/openblas/lib; do
  if [ -f "$dir/pkgconfig/openblas.pc" ]; then
    PKG_CONFIG_PATH="$dir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
    export PKG_CONFIG_PATH
    break
  fi
done

# Fedora's pthread build has a .pc file and a library of its own name (the plain name is the serial build).
blas=openblas
if pkg-config --exists openblasp; then blas=openblasp; fi
pkg-config --exists "$blas" || fail "OpenBLAS was not found by pkg-config; install it with its headers (in a source tree: npm run setup)."
libdir=$(cd "$(pkg-config --variable=libdir "$blas")" && pwd -P)
case $libdir in
  *openblas-serial*) fail "only the serial build of OpenBLAS is installed ($libdir). It gives wrong results under concurrent calls; install the pthread build: apt-get install libopenblas-pthread-dev" ;;
  *openblas-openmp*) fail "only the OpenMP build of OpenBLAS is installed ($libdir). hermkit sets thread counts itself; install the pthread build: apt-get install libopenblas-pthread-dev" ;;
esac

if [ "${1:-}" = openblas ]; then
  echo "$libdir"
  exit 0
fi

packages="libzstd libxxhash"
# Some distributions build LAPACKE into OpenBLAS and ship no lapacke.pc.
if pkg-config --exists lapacke; then packages="lapacke $packages"; fi
for package in $packages; do
  pkg-config --exists "$package" || fail "$package was not found by pkg-config; install it with its headers (in a source tree: npm run setup)."
done

# OpenBLAS goes first: liblapacke pulls in the generic liblapack, and the first library that has a
# routine wins, so LAPACKE's calls reach OpenBLAS's LAPACK too.
# The archives of a prebuild that needs nothing but libc on the user's machine. A binary linked to a shared OpenBLAS is
# not portable: the library's name differs between distributions.
static_libs() {
  archives=
  # LAPACKE calls OpenBLAS, and OpenBLAS the Fortran run-time: archives are searched in this order.
  for name in liblapacke.a libopenblas.a libzstd.a libxxhash.a libgfortran.a libquadmath.a; do
    case $name in
      libopenblas.a) archive=$libdir/$name ;;
      *) archive=$("${CXX:-c++}" -print-file-name="$name") ;;
    esac
    [ -f "$archive" ] || fail "$name was not found; a static build needs it (Debian has libgfortran.a in libgfortran-12-dev)."
    archives="$archives $archive"
  done
  # Without hiding the archives' symbols and dropping unused code, OpenBLAS's thread-locals do not link into an addon.
  echo "$archives -lm -lpthread"
  echo "-static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL -Wl,--gc-sections"
}

case ${1:-} in
  static) static_libs ;;
  cflags) pkg-config --cflags "$blas" && pkg-config --cflags $packages ;;
  libs)
    pkg-config --libs "$blas" && pkg-config --libs $packages
    # At run time too, the build found here is meant and not the system's default alternative.
    echo "-Wl,-rpath,$libdir"
    # A function that was declared and never compiled fails when the addon loads, not when someone calls it.
    if [ "$(uname)" = Linux ]; then echo "-Wl,-z,now"; fi
    ;;
  *) fail "usage: find-libs.sh cflags|libs|static|openblas" ;;
esac
