# Makes the table of operators (src/plan/operator.h) from the lines EQ_OPERATOR and EQ_CUSTOM_OPERATOR of all files in a folder:
#
#     cmake -DFOLDER=src/ops -DOUTPUT=operators.c -P cmake/operators.cmake
cmake_minimum_required(VERSION 3.18)
file(GLOB_RECURSE sources ${FOLDER}/*.c)
set(name "[A-Za-z0-9_]+")
set(types "(${name})(, (${name}))?(, (${name}))?")
foreach(source IN LISTS sources)
  file(STRINGS ${source} lines REGEX "^EQ_(CUSTOM_)?OPERATOR\\(")
  foreach(line IN LISTS lines)
    if(line MATCHES "^EQ_OPERATOR\\((${name}), (${name}), ${types}\\)")
      set(what "EQ_OP_${CMAKE_MATCH_1}")
      set(custom "NULL")
    elseif(line MATCHES "^EQ_CUSTOM_OPERATOR\\((\"[^\"\\]+\"), (${name}), ${types}\\)")
      set(what "EQ_OP_CUSTOM")
      set(custom "${CMAKE_MATCH_1}")
    else()
      message(FATAL_ERROR "${source}: not what plan/operator.h describes, or not on one line: ${line}")
    endif()
    set(prepare "${CMAKE_MATCH_2}")
    set(wanted "EQ_${CMAKE_MATCH_3}")
    foreach(type "${CMAKE_MATCH_5}" "${CMAKE_MATCH_7}")
      if(type STREQUAL "")
        set(type ANY)
      endif()
      string(APPEND wanted ", EQ_${type}")
    endforeach()
    set(key "${what} ${custom} ${wanted}")
    if(key IN_LIST keys)
      message(FATAL_ERROR "${source}: another line has the same operator and types: ${line}")
    endif()
    list(APPEND keys "${key}")
    if(NOT prepare IN_LIST prepared)
      list(APPEND prepared "${prepare}")
      string(APPEND prototypes "eq_status ${prepare}(eq_plan *plan, const eq_operator *op);\n")
    endif()
    string(APPEND rows "    {${what}, {${wanted}}, ${custom}, ${prepare}},\n")
  endforeach()
endforeach()
file(WRITE ${OUTPUT}.new "/* Made by cmake/operators.cmake. */
#include \"plan/operator.h\"

${prototypes}
const eq_operator_row eq_operator_rows[] = {
${rows}};
const int32_t eq_operator_row_count = sizeof eq_operator_rows / sizeof *eq_operator_rows;
")
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${OUTPUT}.new ${OUTPUT})
file(REMOVE ${OUTPUT}.new)
