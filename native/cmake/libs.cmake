# System libraries as one interface target, from the same script that binding.gyp asks.
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

herm_find_libs(cflags HERM_LIBS_CFLAGS)
herm_find_libs(libs HERM_LIBS_LDFLAGS)
add_library(herm_libs INTERFACE)
target_compile_options(herm_libs INTERFACE ${HERM_LIBS_CFLAGS})
target_link_libraries(herm_libs INTERFACE ${HERM_LIBS_LDFLAGS})
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${CMAKE_CURRENT_SOURCE_DIR}/native/cmake/find-libs.sh")
