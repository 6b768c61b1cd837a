# The libraries as one interface target: the system's, from the same script that binding.gyp asks, or static ones that
# scripts/lib/cross made for another system.
set(HERM_STATIC_LIBS "" CACHE PATH "A folder with include/ and lib/ of static libraries, in place of the system's")
set(HERM_STATIC_NAMES "" CACHE STRING "The names of those libraries, callers before what they call")

function(herm_find_libs what out)
  execute_process(
    COMMAND sh "${CMAKE_CURRENT_SOURCE_DIR}/native/cmake/find-libs.sh" ${what}
    OUTPUT_VARIABLE flags ERROR_VARIABLE message RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${message}")
  endif()
  separate_arguments(flags UNIX_COMMAND "${flags}")
  set(${out} "${flags}" PARENT_SCOPE)
endfunction()

add_library(herm_libs INTERFACE)
if(HERM_STATIC_LIBS)
  target_include_directories(herm_libs SYSTEM INTERFACE "${HERM_STATIC_LIBS}/include")
  herm_list(herm_portable_sources PORTABLE_SOURCES)
  # Objects and no archive: the compiler's own libraries, which call some of them, come after all archives.
  add_library(herm_portable OBJECT ${PORTABLE_SOURCES})
  set_target_properties(herm_portable PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
  foreach(lib ${HERM_STATIC_NAMES})
    target_link_libraries(herm_libs INTERFACE "${HERM_STATIC_LIBS}/lib/lib${lib}.a")
  endforeach()
  target_sources(herm_libs INTERFACE $<TARGET_OBJECTS:herm_portable>)
  # Nothing but the system's own libraries is looked for on the user's machine, and the archives' symbols stay inside.
  target_link_options(herm_libs INTERFACE -static-libgcc -static-libstdc++ -Wl,--exclude-libs,ALL -Wl,--gc-sections)
  if(WIN32)
    target_link_options(herm_libs INTERFACE -static)
  endif()
  return()
endif()
herm_find_libs(cflags HERM_LIBS_CFLAGS)
herm_find_libs(libs HERM_LIBS_LDFLAGS)
target_compile_options(herm_libs INTERFACE ${HERM_LIBS_CFLAGS})
target_link_libraries(herm_libs INTERFACE ${HERM_LIBS_LDFLAGS})
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${CMAKE_CURRENT_SOURCE_DIR}/native/cmake/find-libs.sh")
