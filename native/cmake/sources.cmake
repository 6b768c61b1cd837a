# Reads native/sources.gypi (strict JSON), the list that binding.gyp includes.
set(HERM_SOURCES_FILE "${CMAKE_CURRENT_SOURCE_DIR}/native/sources.gypi")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${HERM_SOURCES_FILE}")
file(READ "${HERM_SOURCES_FILE}" HERM_SOURCES_JSON)

# herm_list(<name> <out>): the strings of variables.<name>, as a CMake list.
function(herm_list name out)
  string(JSON length LENGTH "${HERM_SOURCES_JSON}" variables ${name})
  set(items "")
  if(length GREATER 0)
    math(EXPR last "${length} - 1")
    foreach(index RANGE ${last})
      string(JSON item GET "${HERM_SOURCES_JSON}" variables ${name} ${index})
      list(APPEND items "${item}")
    endforeach()
  endif()
  set(${out} "${items}" PARENT_SCOPE)
endfunction()

string(JSON HERM_CXX_STANDARD GET "${HERM_SOURCES_JSON}" variables herm_cxx_standard)
