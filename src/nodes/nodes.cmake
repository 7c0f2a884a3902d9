# Adding a node means adding one file: every nodes/TOPIC/NAME_nodes.cc defines register_NAME_nodes(Table&), and
# the list of them is written here.
file(GLOB_RECURSE node_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*_nodes.cc)
if(NOT EASEL_BUILD_EXTENSIONS)
  list(FILTER node_files EXCLUDE REGEX "/nodes/extensions/")
endif()
set(declarations "")
set(calls "")
foreach(file IN LISTS node_files)
  get_filename_component(topic ${file} NAME_WE)
  string(APPEND declarations "void register_${topic}(Table& table);\n")
  string(APPEND calls "  register_${topic}(table);\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/register_nodes.cc @ONLY CONTENT [[
#include "node_api/table.h"

namespace easel::nodes {

@declarations@
void register_all(Table& table);
void register_all(Table& table) {
@calls@}

}  // namespace easel::nodes
]])
target_sources(easel_nodes PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/register_nodes.cc)
