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
# of them through update-alternatives: ask for the pthread one by its directory, whatever the default is. The
# directory above is named after the system that the compiler makes code for, which may not be this one.
system=$(${CXX:-c++} -print-multiarch 2>/dev/null || true)
if [ "$system" != "$(c++ -print-multiarch 2>/dev/null || true)" ]; then
  export PKG_CONFIG_LIBDIR="/usr/lib/$system/pkgconfig:/usr/share/pkgconfig"
fi
for dir in "/usr/lib/$system/openblas-pthread" /opt/homebrew/opt/openblas/lib /usr/local/opt/openblas/lib; do
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
  # LAPACKE calls OpenBLAS: archives are searched in this order. Some distributions build LAPACKE into OpenBLAS.
  for name in liblapacke.a libopenblas.a libzstd.a libxxhash.a; do
    archive=$(${CXX:-c++} -print-file-name="$name")
    case $name in
      liblapacke.a) [ -f "$archive" ] || continue ;;
      libopenblas.a) archive=$libdir/$name ;;
    esac
    [ -f "$archive" ] || archive=$(pkg-config --variable=libdir "${name%.a}" 2>/dev/null || true)/$name
    [ -f "$archive" ] || fail "$name was not found; a static build needs it."
    archives="$archives $archive"
  done
  echo "$archives -lm -lpthread"
  if [ "$(uname)" = Darwin ]; then
    echo "-Wl,-dead_strip"
  else
    # Without hiding the archives' symbols and dropping unused code, OpenBLAS's thread-locals do not link into an
    # addon, and Fortran's input and output would be missing, which LAPACK's own error handler has.
    echo "-static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL -Wl,--gc-sections"
  fi
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
